"""Archives of a finished site from the command line: `python -m pipeline.cli.pack`, or `make archive`."""

import argparse
import hashlib
import sys
from pathlib import Path

from pipeline.cli.options import guarded
from pipeline.report.packing import pack
from pipeline.report.text import size_of
from pipeline.workflow.progress import say


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.cli.pack",
        description="Pack a finished site into one archive, and its data into another: the same site, "
        "the same bytes. Unpack the site anywhere and open index.html, no server is needed.",
    )
    parser.add_argument(
        "--site", type=Path, default=Path("site"), metavar="DIR", help="the site (default: site)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("dist"),
        metavar="DIR",
        help="folder of the archives (default: dist)",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Exit status of the command line."""
    options = parse(arguments)

    def run() -> int:
        for target in pack(options.site, options.output):
            content = target.read_bytes()
            say(f"{target}, {size_of(len(content))}, sha256 {hashlib.sha256(content).hexdigest()}")
        return 0

    return guarded(run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

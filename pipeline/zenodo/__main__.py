"""Deposit a version on Zenodo, as a draft that a human publishes.

  1. python -m pipeline.zenodo reserve            a draft; prints its DOI
  2. python build_report.py --doi DOI             the site, with that DOI on every page
  3. make archive                                 the archives, in dist/
  4. python -m pipeline.zenodo upload dist/*.tgz  metadata and files into the draft

Repeating a step is safe: a draft is found again, files that are there are not sent twice. The token is
read from ZENODO_TOKEN or the system's keyring. Try it on https://sandbox.zenodo.org first, where
accounts, tokens and DOIs are of their own.
"""

import argparse
import sys
from pathlib import Path
from urllib.parse import urlsplit

from pipeline import __version__
from pipeline.cli.options import guarded
from pipeline.config.paths import ROOT
from pipeline.errors import DepositRefused
from pipeline.workflow.products import safe_name
from pipeline.workflow.progress import say
from pipeline.zenodo.api import Deposits
from pipeline.zenodo.deposit import State, publish, reserve, upload
from pipeline.zenodo.dry_run import DryRun
from pipeline.zenodo.files import Version, local_file, version_in
from pipeline.zenodo.metadata import metadata_of, read_metadata
from pipeline.zenodo.service import HttpService, Service, checked_server
from pipeline.zenodo.token import token_for


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.zenodo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    reserving = steps.add_parser("reserve", help="make a draft and print its reserved DOI")
    reserving.add_argument(
        "--version-label",
        default=f"v{__version__}",
        metavar="X",
        help=f"name of the version, as given to build_report.py (default: v{__version__})",
    )
    reserving.add_argument(
        "--concept",
        default="",
        metavar="ID",
        help="number of the concept record (that of all versions) that gets a new version; without it "
        "a record of its own begins",
    )
    uploading = steps.add_parser("upload", help="fill the draft with metadata and files")
    uploading.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="archives that make archive wrote"
    )
    uploading.add_argument(
        "--publish",
        action="store_true",
        help="publish the draft at the end; this cannot be undone (default: leave it a draft)",
    )
    for step in (reserving, uploading):
        step.add_argument(
            "--server",
            default="https://zenodo.org",
            metavar="URL",
            help="the service (default: https://zenodo.org)",
        )
        step.add_argument(
            "--metadata",
            type=Path,
            default=ROOT / ".zenodo.json",
            metavar="FILE",
            help="title, authors, licence (default: .zenodo.json of the repository)",
        )
        step.add_argument(
            "--state",
            type=Path,
            metavar="FILE",
            help="remembers the draft's number (default: work/zenodo-VERSION.json)",
        )
        step.add_argument(
            "--dry-run",
            action="store_true",
            help="print every request with its body instead of sending it; needs no token",
        )
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    """One step."""
    server = checked_server(options.server)
    repository = read_metadata(options.metadata)
    uploading = options.step == "upload"
    version = version_in(options.files) if uploading else Version(options.version_label)
    files = [local_file(path) for path in options.files] if uploading else []
    if len({file.name for file in files}) < len(files):
        raise DepositRefused("two files of one name: a deposit has no folders")
    metadata = metadata_of(repository, version)
    path = options.state or Path("work") / f"zenodo-{safe_name(version.label)}.json"
    state = State(path, server, version.label, kept=not options.dry_run)
    service: Service
    if options.dry_run:
        say("dry run: nothing is sent")
        known = state.draft_id()
        service = DryRun(server, metadata, version.doi, exists=uploading, number=known, say=print)
    else:
        service = HttpService(server, token_for(str(urlsplit(server).hostname)))
    deposits = Deposits(service)
    if not uploading:
        draft = reserve(deposits, state, metadata, options.concept, say)
        print(draft.doi)
        return 0
    draft = upload(deposits, state, metadata, version, files, say)
    if options.publish:
        published = publish(deposits, draft)
        say(f"published: https://doi.org/{published.doi or draft.doi}")
    else:
        say(f"complete, a draft: look at it and publish it at {draft.page or server}")
    return 0


def main(arguments: list[str]) -> int:
    """Exit status of the command line."""
    options = parse(arguments)
    return guarded(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

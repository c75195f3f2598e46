#!/usr/bin/env python3
"""What is published already: read off the branch that GitHub Pages serves.

`.ci/published.py next` prints the name of the next version, vYYYY.MM or vYYYY.MM.N, from today's
date and the versions there are. `.ci/published.py changed SITE` says whether the data of a built site
differ from those of the latest version. In a workflow both answers are outputs of the step, too.
Needs git and nothing else; a branch that does not exist yet holds no version.
"""

import argparse
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BRANCH = "gh-pages"
LATEST = "latest"


def read(branch: str, path: str) -> Any:
    """A JSON file of the branch; None if there is no such branch or file."""
    for name in (f"origin/{branch}", branch):
        done = subprocess.run(
            ["git", "show", f"{name}:{path}"], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return json.loads(done.stdout)
    return None


def versions(branch: str) -> list[dict[str, Any]]:
    """The list that mike keeps: version, title, aliases."""
    return read(branch, "versions.json") or []


def next_version(taken: set[str], today: datetime) -> str:
    """The first free name of this month."""
    month = f"v{today:%Y.%m}"
    names = [month, *(f"{month}.{n}" for n in range(1, len(taken) + 2))]
    return next(name for name in names if name not in taken)


def digests(report: Any) -> dict[str, str]:
    """What shaped the numbers of each campaign."""
    return {one["name"]: one["inputs_digest"] for one in report["campaigns"]}


def differs(branch: str, site: Path) -> bool:
    """Whether the site holds other data than the latest version, or there is none."""
    listed = versions(branch)
    latest = next((one["version"] for one in listed if LATEST in one["aliases"]), None)
    old = latest and read(branch, f"{latest}/data/report.json")
    new = json.loads((site / "data" / "report.json").read_text(encoding="utf-8"))
    return not old or digests(old) != digests(new)


def tell(name: str, value: str) -> None:
    """Print an answer, and make it an output of the step."""
    print(value)
    if output := os.environ.get("GITHUB_OUTPUT"):
        with Path(output).open("a", encoding="utf-8") as file:
            file.write(f"{name}={value}\n")


def main(arguments: list[str]) -> int:
    """Answer one question."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--branch", default=BRANCH)
    questions = parser.add_subparsers(dest="question", required=True)
    questions.add_parser("next")
    questions.add_parser("changed").add_argument("site", type=Path)
    options = parser.parse_args(arguments)
    if options.question == "next":
        taken = {one["version"] for one in versions(options.branch)}
        tell("version", next_version(taken, datetime.now(UTC)))
    else:
        tell("changed", "true" if differs(options.branch, options.site) else "false")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

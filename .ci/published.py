#!/usr/bin/env python3
"""What is published already: read off the branch that GitHub Pages serves.

`.ci/published.py next` prints the name of the next version, vYYYY.MM or vYYYY.MM.N, from today's
date and the versions there are. `.ci/published.py changed SITE` says whether the data of a built site
differ from those of the newest version of the same campaigns. In a workflow both answers are outputs
of the step, too.
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
    """The data of each campaign: frames, cubes, files of the record; neither code nor settings."""
    return {one["name"]: one["digests"]["data"] for one in report["campaigns"]}


def differs(branch: str, site: Path) -> bool:
    """Whether the site holds other data than the newest version of the same campaigns, if any.

    A release has the simulated campaign, a scheduled report the archive's: each is compared with
    its own kind.
    """
    new = digests(json.loads((site / "data" / "report.json").read_text(encoding="utf-8")))
    for one in versions(branch):  # the newest first
        report = read(branch, f"{one['version']}/data/report.json")
        if report and set(digests(report)) == set(new):
            return digests(report) != new
    return True


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

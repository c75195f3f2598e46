#!/usr/bin/env python3
"""A tag may become a version: `.ci/tag.py v2026.11` ends with 0 if it may, else it says why not.

The tag is "v" and the version of pyproject.toml, and CHANGELOG.md has a section of it that is no
longer called unreleased.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def objections(tag: str, root: Path = ROOT) -> list[str]:
    """What speaks against releasing the tag, a sentence each."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = project["version"]
    found = []
    if tag != f"v{version}":
        found.append(f"the tag is {tag}, pyproject.toml says {version}: the tag must be v{version}")
    heading = re.search(
        rf"^## {re.escape(version)}\b.*$",
        (root / "CHANGELOG.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    if not heading:
        found.append(f"CHANGELOG.md has no section {version}")
    elif "unreleased" in heading[0]:
        found.append(f"CHANGELOG.md calls {version} unreleased: write its date")
    return found


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: .ci/tag.py TAG")
    sys.exit("\n".join(objections(sys.argv[1])) or 0)

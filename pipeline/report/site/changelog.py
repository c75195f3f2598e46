"""The change log as a page: that of the sources, with the numbers of the campaigns that are shown."""

import re
from collections.abc import Collection
from pathlib import Path

CHANGELOG, PAGE = "CHANGELOG.md", "changelog.md"
TITLE = "Change log"
# a line on a number, with what continues it; its key holds signs that Markdown would read
_NUMBER = re.compile(r"^- number ((\S+?)/\S+): (.*\n(?:  .*\n)*)", re.MULTILINE)
_HEAD = f"""---
title: "{TITLE}"
description: "What changed in the software and in the numbers, version by version."
search:
  exclude: true
---
# {TITLE}

"""


def write_changelog(folder: Path, source: Path, campaigns: Collection[str]) -> bool:
    """Whether there is a change log to make a page of.

    Parameters
    ----------
    folder : Path
        Where the pages are written.
    source : Path
        The sources, which hold CHANGELOG.md.
    campaigns : collection of str
        Names of those whose numbers are shown: lines on those of others are left out.
    """
    try:
        text = (source / CHANGELOG).read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    body = _NUMBER.sub(
        lambda line: f"- number `{line[1]}`: {line[3]}" if line[2] in campaigns else "",
        text.partition("\n")[2].lstrip(),
    )
    (folder / PAGE).write_text(_HEAD + body, encoding="utf-8")
    return True

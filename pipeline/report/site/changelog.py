"""The change log as a page: that of the sources, word for word."""

import re
from pathlib import Path

CHANGELOG, PAGE = "CHANGELOG.md", "changelog.md"
TITLE = "Change log"
_NUMBER = re.compile(
    r"^- number (\S+): ", re.MULTILINE
)  # a key holds signs that Markdown would read
_HEAD = f"""---
title: "{TITLE}"
description: "What changed in the software and in the numbers, version by version."
search:
  exclude: true
---
# {TITLE}

"""


def write_changelog(folder: Path, source: Path) -> bool:
    """Whether there is a change log to make a page of.

    Parameters
    ----------
    folder : Path
        Where the pages are written.
    source : Path
        The sources, which hold CHANGELOG.md.
    """
    try:
        text = (source / CHANGELOG).read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    body = _NUMBER.sub(r"- number `\1`: ", text.partition("\n")[2].lstrip())
    (folder / PAGE).write_text(_HEAD + body, encoding="utf-8")
    return True

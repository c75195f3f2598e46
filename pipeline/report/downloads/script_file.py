"""Data as a script that hands them to the page: readable from disk, where a page may fetch nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.report.figures.base import compact_json

SCRIPTS = Path("assets") / "figures"  # below the root of the docs; a script is named from there


def write_script(root: Path, name: str, value: Mapping[str, Any]) -> Path:
    """Write one script; the page knows its content by the same name.

    Parameters
    ----------
    root : Path
        Of the docs.
    name : str
        Path below ``SCRIPTS`` without suffix.
    """
    path = root / SCRIPTS / f"{name}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"RP.put({compact_json(name)},{compact_json(value)});\n"
    path.write_text(text, encoding="utf-8")
    return path

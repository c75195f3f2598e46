"""Stamp of the code that the figures of the validation depend on."""

import hashlib
from pathlib import Path

from pipeline.workflow.digests import source_digest

OURS = ("measures.py", "bound.py")


def source_stamp() -> str:
    """sha256 of all of ``pipeline/statistics`` and of the measures, docstrings and comments aside."""
    here = Path(__file__).resolve().parent
    root = here.parents[1]
    digest = hashlib.sha256()
    for path in sorted(
        [*(root / "pipeline" / "statistics").rglob("*.py"), *(here / name for name in OURS)]
    ):
        digest.update(f"{path.relative_to(root).as_posix()} ".encode())
        digest.update(source_digest(path.read_bytes(), ".py").encode())
    return digest.hexdigest()

"""Stamp of the code that the figures of the validation depend on."""

from pipeline.workflow.digests import code_digest

CODE = (
    "pipeline/statistics",
    "benchmarks/validation/measures.py",
    "benchmarks/validation/bound.py",
)


def source_stamp() -> str:
    """sha256 of all of ``pipeline/statistics`` and of the measures, docstrings and comments aside."""
    return code_digest(*CODE)

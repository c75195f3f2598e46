"""The page on this version: how it was built, how to cite it."""

from typing import Any

from pipeline.report.pages.base import PageInputs, PageNumbering, PageType


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any]:
    """Provenance of this version, and how to cite it."""
    del numbering
    return {"shown": inputs.campaigns}


PAGE = PageType(
    name="about",
    title="How it was built",
    tab="Data and method",
    position=620,
    description="Version, commit, command, libraries and inputs of this report, and how to cite it.",
    guide="",
    context=context,
)

"""The page on this version: how it was built, how to cite it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.report.pages.base import PageInputs, PageNumbering, PageType
from pipeline.schema.results import Results


@dataclass(frozen=True)
class IssuesOf:
    """What a reader must know of one campaign."""

    results: Results
    texts: tuple[str, ...]


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any]:
    """Provenance of this version, its known issues, and how to cite it."""
    del numbering
    issues = [IssuesOf(one, _issues(one)) for one in inputs.campaigns]
    return {
        "shown": inputs.campaigns,
        "issues": [one for one in issues if one.texts],
        "has_record": any(one.source == "published" for one in inputs.campaigns),
    }


def _issues(results: Results) -> tuple[str, ...]:
    """Notes of a campaign, and what of a simulation is not found again."""
    recovery = results.tables.get("recovery")
    missed = []
    if recovery is not None:
        missed = [str(name) for name in recovery["quantity"][~np.asarray(recovery["passed"], bool)]]
    found = (f"Not found within the tolerance: {'; '.join(missed)}.",) if missed else ()
    return (*results.notes, *found)


PAGE = PageType(
    name="about",
    title="Version and citing",
    tab="Data and method",
    position=620,
    description="How to cite this report, its known issues, and how this version was built.",
    guide="",
    context=context,
)

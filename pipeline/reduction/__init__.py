"""From raw frames to cubes, with the recipes of the MUSE pipeline.

``association`` finds the wanted standard in the archive's tree, ``plan`` turns its group into
ordered calls of ``recipes``, ``runners`` run one call in a child process, ``recipe_log`` judges what
came out, ``execute`` runs what is stale of many plans, ``exposures`` does all of it for a campaign
(its grid, its response). ``pipeline.tasks.reduce`` adds files, stamps and nights.
"""

from pipeline.reduction.association import RequestedStandard
from pipeline.reduction.exposures import (
    Reduction,
    ReductionRequest,
    call_records,
    plan_only,
    plan_request,
    reduce_exposures,
)
from pipeline.reduction.runners import find_runner
from pipeline.reduction.workspace import RecipeWorkspace

__all__ = [
    "RecipeWorkspace",
    "Reduction",
    "ReductionRequest",
    "RequestedStandard",
    "call_records",
    "find_runner",
    "plan_only",
    "plan_request",
    "reduce_exposures",
]

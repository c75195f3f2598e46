"""From raw frames to cubes, with the recipes of the MUSE pipeline.

``association`` finds the wanted standard in the archive's tree, ``plan`` turns its group into
ordered calls of ``recipes``, ``runners`` run one call in a child process, ``evidence`` judges what
came out, ``execute`` runs what is stale of many plans, ``exposures`` does all of it for a campaign
(its grid, its response). ``pipeline.tasks.reduce`` is the door: files, stamps, nights.
"""

from pipeline.reduction.association import Wanted
from pipeline.reduction.exposures import (
    Order,
    Reduction,
    call_records,
    foresee,
    plan_order,
    reduce_exposures,
)
from pipeline.reduction.runners import find_runner
from pipeline.reduction.workshop import Workshop

__all__ = [
    "Order",
    "Reduction",
    "Wanted",
    "Workshop",
    "call_records",
    "find_runner",
    "foresee",
    "plan_order",
    "reduce_exposures",
]

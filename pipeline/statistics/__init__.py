"""What the fluxes say: how stable flux ratios are, trends, channels, variable stars, a correction."""

from pipeline.statistics.correction import apply_correction, correction_table
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.pairs import pair_statistics
from pipeline.statistics.stability import Stability, fit_stability

__all__ = [
    "Fluxes",
    "Stability",
    "apply_correction",
    "correction_table",
    "fit_stability",
    "pair_statistics",
]

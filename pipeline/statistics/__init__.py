"""What the fluxes say: how stable flux ratios are, trends, channels, variable stars, a correction."""

from pipeline.statistics.channel_drift import channel_drift
from pipeline.statistics.correction import apply_correction, correction_table
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.paired import paired_difference
from pipeline.statistics.pairs import pair_statistics
from pipeline.statistics.stability import Stability, fit_stability
from pipeline.statistics.stability_table import stability_table
from pipeline.statistics.steps import scan_steps
from pipeline.statistics.structure_function import structure_function
from pipeline.statistics.targets import Target, target_tables
from pipeline.statistics.variability import variability

__all__ = [
    "Fluxes",
    "Stability",
    "Target",
    "apply_correction",
    "channel_drift",
    "correction_table",
    "fit_stability",
    "pair_statistics",
    "paired_difference",
    "scan_steps",
    "stability_table",
    "structure_function",
    "target_tables",
    "variability",
]

"""What the fluxes say: how stable flux ratios are, trends, channels, variable stars, a correction."""

from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.pairs import pair_statistics
from pipeline.statistics.stability import Stability, fit_stability

__all__ = ["Fluxes", "Stability", "fit_stability", "pair_statistics"]

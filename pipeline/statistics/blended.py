"""The search for variation among stars with close neighbours, which the stability model leaves out.

In a cluster they are every third star. Each is compared with stars without a flag, as a target is, and
its errors hold what its neighbours can do to its flux (the column ``contamination`` of the catalogue:
1 sigma for a seeing that changes by a quarter). That is an estimate, so the level is lower than that of
the search over all other stars.
"""

from collections.abc import Sequence

import numpy as np
from astropy.table import QTable
from scipy.special import chdtrc

from pipeline.statistics.columns import numbers, texts
from pipeline.statistics.comparison_stars import comparison_stars
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.light_curves import LightCurve, light_curve
from pipeline.statistics.log_fluxes import channel_shares
from pipeline.statistics.long_campaigns import fitted_exposures, of_exposures
from pipeline.statistics.nodes import Nodes
from pipeline.statistics.targets import MIN_EXPOSURES, posterior_without
from pipeline.statistics.trend_tests import holm
from pipeline.statistics.variability import APERTURE_SYSTEMATIC

LEVEL = 0.001  # of campaigns in which a constant star with neighbours may be called variable
BLENDED = "blended"  # the flag


def with_blended_stars(
    variability: QTable, fluxes: Fluxes, catalogue: QTable, *, left_out: Sequence[int] = ()
) -> QTable:
    """The table ``variability`` with the stars whose only flag is that of close neighbours.

    Parameters
    ----------
    variability : QTable
        Of ``pipeline.statistics.variability``; its rows of stars without a flag are kept as they are.
    fluxes : Fluxes
        Of all stars in the band of the table, bad exposures flagged.
    catalogue : QTable
        Columns ``star_id``, ``flags`` and ``contamination``, row by row as the stars of ``fluxes``.
    left_out : sequence of star numbers
        Stars that must not be compared with: targets.

    Examples
    --------
    >>> table = with_blended_stars(table, fluxes, catalogue)  # doctest: +SKIP
    """
    flags = texts(catalogue["flags"])
    blended = np.flatnonzero(flags == BLENDED)
    varying = texts(variability["flag"]) != ""
    excluded = sorted(
        {
            *fluxes.star_ids[flags != ""].tolist(),
            *np.asarray(variability["star_id"], int)[varying].tolist(),
            *left_out,
        }
    )
    fluxes = of_exposures(fluxes, fitted_exposures(fluxes))
    nodes = posterior_without(fluxes, excluded) if len(blended) else None
    if nodes is None:
        return variability
    change = numbers(catalogue["contamination"])
    own = np.hypot(change[blended], APERTURE_SYSTEMATIC)
    curves = _curves(fluxes, blended, ~np.isin(fluxes.star_ids, excluded), nodes)
    p = np.array(
        [
            np.nan if curve is None else p_constant_with(curve, std)
            for curve, std in zip(curves, own.tolist(), strict=True)
        ]
    )
    return _filled(variability, fluxes.star_ids[blended], curves, own, holm(p))


def _curves(
    fluxes: Fluxes, columns: np.ndarray, candidates: np.ndarray, nodes: Nodes
) -> list[LightCurve | None]:
    """Light curves of some stars against candidates; None where one says nothing of a scatter."""
    share = channel_shares(fluxes)
    found = []
    for column in columns.tolist():
        comparison = comparison_stars(
            fluxes, column, candidates=candidates, share=share.mean(axis=0)
        )
        curve = light_curve(fluxes, column, comparison, share, nodes)
        enough = curve is not None and len(curve.exposures) >= MIN_EXPOSURES
        found.append(curve if enough else None)
    return found


def _filled(
    variability: QTable,
    stars: np.ndarray,
    curves: Sequence[LightCurve | None],
    own: np.ndarray,
    probability: np.ndarray,
) -> QTable:
    """The table with the rows of some stars filled in."""
    found = variability.copy()
    flag = texts(found["flag"]).astype(object)
    row_of = {int(star): row for row, star in enumerate(found["star_id"])}
    for star, curve, std, p in zip(stars.tolist(), curves, own, probability, strict=True):
        if curve is None:
            continue
        row, scale = row_of[star], np.sqrt(len(curve.value) / curve.dof)
        found["n"][row] = len(curve.exposures)
        found["std"][row] = np.sqrt((curve.value**2).sum() / curve.dof)
        found["expected_std"][row] = np.sqrt((curve.err**2).mean() + std**2) * scale
        found["probability"][row] = p
        flag[row] = "variable" if p < LEVEL else ""
    info = variability["flag"].info
    found["flag"] = flag.astype(str)
    found["flag"].info.description, found["flag"].info.meta = info.description, info.meta
    return found


def p_constant_with(curve: LightCurve, std: float) -> float:
    """Probability that a constant star has so large a chi squared, if its flux has an error of its own.

    Parameters
    ----------
    curve : LightCurve
    std : float
        Standard deviation of ln F, independent from exposure to exposure, beyond photons and
        instrument.

    Examples
    --------
    With 0 it is ``pipeline.statistics.detection_limits.p_constant``.
    """
    chi2 = [float((one.score**2 / (one.variance + std**2)).sum()) for one in curve.posterior]
    return float(np.mean(chdtrc(curve.dof, chi2)))

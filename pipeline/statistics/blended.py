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
    if not len(blended):
        return variability
    known = texts(variability["flag"]) != ""
    varying = np.asarray(variability["star_id"], int)[known].tolist()
    excluded = sorted({*fluxes.star_ids[flags != ""].tolist(), *varying, *left_out})
    nodes = posterior_without(fluxes, excluded)
    if nodes is None:
        return variability
    share = channel_shares(fluxes)
    candidates = ~np.isin(fluxes.star_ids, excluded)
    change = numbers(catalogue["contamination"])
    rows = {int(star): row for row, star in enumerate(variability["star_id"])}
    found = variability.copy()
    p = np.full(len(blended), np.nan)
    for k, column in enumerate(blended.tolist()):
        comparison = comparison_stars(
            fluxes, column, candidates=candidates, share=share.mean(axis=0)
        )
        curve = light_curve(fluxes, column, comparison, share, nodes)
        if curve is None or len(curve.exposures) < MIN_EXPOSURES:
            continue
        own = float(np.hypot(change[column], APERTURE_SYSTEMATIC))
        p[k] = p_constant_with(curve, own)
        row = rows[int(fluxes.star_ids[column])]
        scale = np.sqrt(len(curve.value) / curve.dof)
        found["n"][row] = len(curve.exposures)
        found["std"][row] = np.sqrt((curve.value**2).sum() / curve.dof)
        found["expected_std"][row] = np.sqrt((curve.err**2).mean() + own**2) * scale
    probability = holm(p)
    flag = texts(found["flag"]).astype(object)
    for k, column in enumerate(blended.tolist()):
        row = rows[int(fluxes.star_ids[column])]
        found["probability"][row] = probability[k]
        flag[row] = "variable" if probability[k] < LEVEL else ""
    info = found["flag"].info
    kept = info.description, info.meta
    found["flag"] = flag.astype(str)
    found["flag"].info.description, found["flag"].info.meta = kept
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

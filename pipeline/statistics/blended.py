"""The search for variation among stars with close neighbours, which the stability model leaves out.

Each is compared with stars without a flag, as a target is. The errors of its fluxes hold what is not known
of the light of its neighbours (``pipeline.measure.neighbour_light``). That is an estimate, so the level is
lower than that of the search over all other stars.
"""

from collections.abc import Sequence

import numpy as np
from astropy.table import QTable

from pipeline.statistics.columns import texts
from pipeline.statistics.comparison_stars import comparison_stars
from pipeline.statistics.detection_limits import p_constant
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.light_curves import LightCurve, light_curve
from pipeline.statistics.log_fluxes import channel_shares
from pipeline.statistics.long_campaigns import fitted_exposures, of_exposures
from pipeline.statistics.nodes import Nodes
from pipeline.statistics.targets import MIN_EXPOSURES, posterior_without
from pipeline.statistics.trend_tests import holm
from pipeline.statistics.variability import APERTURE_SYSTEMATIC, moderated_p

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
        Of all stars in the band of the table, bad exposures flagged; errors hold what neighbours do.
    catalogue : QTable
        Columns ``star_id`` and ``flags``, row by row as the stars of ``fluxes``.
    left_out : sequence of star numbers
        Stars that must not be compared with: targets.
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
    own = np.full(len(blended), APERTURE_SYSTEMATIC)
    curves = _curves(fluxes, blended, ~np.isin(fluxes.star_ids, excluded), nodes)
    return _filled(variability, fluxes.star_ids[blended], curves, own, holm(_p(curves, own)))


def _p(curves: Sequence[LightCurve | None], own: np.ndarray) -> np.ndarray:
    """Probability (star,) that a constant star scatters so much; NaN without a light curve.

    Neighbours too faint to be seen do more than the catalogue knows, to some stars: the larger of chi
    squared and of the test that learns from all these stars how much they differ (``moderated_p``).
    """
    p = np.full(len(curves), np.nan)
    pairs = [(k, curve) for k, curve in enumerate(curves) if curve is not None]
    for k, curve in pairs:
        p[k] = p_constant(curve, float(own[k]))
    if pairs:
        rows = [k for k, _ in pairs]
        ratio = np.array([_reduced_chi2(curve, float(own[k])) for k, curve in pairs])
        dof = min(curve.dof for _, curve in pairs)
        p[rows] = np.maximum(p[rows], moderated_p(ratio, dof))
    return p


def _reduced_chi2(curve: LightCurve, std: float) -> float:
    """Mean over the posterior of chi squared over its degrees of freedom."""
    return float(np.mean([one.chi2(std) for one in curve.posterior])) / curve.dof


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

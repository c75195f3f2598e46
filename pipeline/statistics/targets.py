"""Is my source variable? Light curves of the targets in every band, as tables.

The stars that the search over the whole field calls variable get a light curve as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.statistics.comparison_stars import comparison_stars, relative_errors
from pipeline.statistics.detection_limits import (
    detectable_change,
    detectable_std,
    p_constant,
    variation,
)
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.light_curves import (
    CurvePoints,
    LightCurve,
    light_curve,
    light_curve_points,
)
from pipeline.statistics.log_fluxes import TooFewFluxes, channel_shares
from pipeline.statistics.long_campaigns import fitted_exposures, of_exposures
from pipeline.statistics.nodes import Nodes
from pipeline.statistics.stability import fit_stability
from pipeline.statistics.trend_tests import holm
from pipeline.statistics.variability import LEVEL

MIN_EXPOSURES = 5  # below, no scatter is claimed
MAX_FITTED = (
    60  # brightest stars that tell the instrument's variances; more say little, and cost much
)


@dataclass(frozen=True)
class Target:
    """A star whose variability is asked for, and its name."""

    star_id: int
    name: str
    ra_deg: float = np.nan
    dec_deg: float = np.nan
    asked: bool = True  # False: found to vary by the search over all stars
    probability: float = np.nan  # of a star that was found: from that search


def target_tables(
    fluxes_of: Mapping[str, Fluxes],
    targets: Sequence[Target],
    *,
    left_out: Sequence[int] = (),
    method: str = "exact",
) -> dict[str, QTable]:
    """The tables ``targets`` and ``light_curves``; empty without a target.

    Parameters
    ----------
    fluxes_of : mapping of band to Fluxes
        The same exposures and stars in every band or window. Of a long campaign
        (``pipeline.statistics.long_campaigns``) light curves hold all exposures, tests those that the
        model is fitted to.
    targets : sequence of Target
    left_out : sequence of star numbers
        Stars that must not be compared with: those that carry a flag or vary.
    method : str
        How fluxes were extracted.

    Examples
    --------
    >>> tables = target_tables({"I": fluxes}, [Target(7, "my quasar")])  # doctest: +SKIP
    >>> tables["targets"]["probability"]  # doctest: +SKIP
    """
    if not targets:
        return {}
    asked = {one.star_id for one in targets}
    excluded = sorted(asked | {int(star) for star in left_out})
    rows: list[dict[str, object]] = []
    points: list[dict[str, np.ndarray]] = []
    for band, everything in fluxes_of.items():
        fluxes = of_exposures(everything, fitted_exposures(everything))
        nodes = posterior_without(fluxes, excluded)
        share, all_shares = channel_shares(fluxes), channel_shares(everything)
        candidates = ~np.isin(fluxes.star_ids, excluded)
        for target in targets:
            column = int(fluxes.columns([target.star_id])[0])
            comparison = comparison_stars(
                fluxes, column, candidates=candidates, share=share.mean(axis=0)
            )
            curve = light_curve(fluxes, column, comparison, share, nodes)
            n_tests = max(1, sum(one.asked for one in targets) * len(fluxes_of))
            rows.append(_row(target, band, fluxes, curve, nodes is not None, LEVEL / n_tests))
            if curve is None:
                continue
            if fluxes is everything:
                points.append(_points(target, band, fluxes, curve))
            elif whole := light_curve_points(everything, column, comparison, all_shares, nodes):
                points.append(_points(target, band, everything, whole))
    return {"targets": _targets_table(rows, method), "light_curves": _light_curves_table(points)}


def posterior_without(fluxes: Fluxes, excluded: Sequence[int]) -> Nodes | None:
    """Posterior of the instrument's variances from all other stars; None if they are too few."""
    out = np.isin(fluxes.star_ids, excluded)
    bright = np.where(out, np.inf, np.nanmedian(_relative(fluxes), axis=0))
    out[np.argsort(bright, kind="stable")[MAX_FITTED:]] = True
    try:
        clean = replace(fluxes, flux_flags=np.where(out, "left out", fluxes.flux_flags))
        return fit_stability(
            replace(clean, channel_share=fluxes.channel_share), find_bad=False
        ).nodes
    except TooFewFluxes:
        return None


def _relative(fluxes: Fluxes) -> np.ndarray:
    """(exposure, star) errors of ln F; infinite where a star has no usable flux at all."""
    relative = relative_errors(fluxes)
    return np.where(np.isfinite(relative).any(axis=0), relative, np.inf)


def _row(
    target: Target,
    band: str,
    fluxes: Fluxes,
    curve: LightCurve | None,
    floor_known: bool,
    level: float,
) -> dict[str, object]:
    """A row of ``targets``; without a known floor, or with few exposures, it makes no claim."""
    row: dict[str, object] = {
        "star_id": target.star_id,
        "name": target.name,
        "ra_deg": target.ra_deg,
        "dec_deg": target.dec_deg,
        "band": band,
        "asked": target.asked,
        "n": 0 if curve is None else len(curve.exposures),
        "comparison": "",
        **dict.fromkeys(_CLAIMS, np.nan),
    }
    if curve is None:
        return row
    row["comparison"] = " ".join(str(star) for star in fluxes.star_ids[curve.comparison])
    if len(curve.exposures) < MIN_EXPOSURES or not floor_known:
        return row
    value, low, high = variation(curve)
    scale = np.sqrt(len(curve.value) / curve.dof)
    return row | {
        "std": float(np.sqrt((curve.value**2).sum() / curve.dof)),
        "expected_std": float(np.sqrt((curve.err**2).mean()) * scale),
        "p": p_constant(curve) if target.asked else target.probability,
        "variation": value,
        "variation_low68": low,
        "variation_high68": high,
        "detectable_std": detectable_std(curve, level),
        "detectable_change": detectable_change(curve, fluxes.mjd[curve.exposures], level),
    }


_CLAIMS = (
    *("std", "expected_std", "p", "variation", "variation_low68", "variation_high68"),
    *("detectable_std", "detectable_change"),
)


def _targets_table(rows: Sequence[Mapping[str, object]], method: str) -> QTable:
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    p = columns.pop("p")
    columns["probability"] = np.where(
        columns["asked"], holm(np.where(columns["asked"], p, np.nan)), p
    )
    with np.errstate(invalid="ignore"):
        columns["flag"] = np.where(columns["probability"] < LEVEL, "variable", "")
    return make_table("targets", columns | {"method": np.full(len(rows), method)})


def _points(
    target: Target, band: str, fluxes: Fluxes, curve: LightCurve | CurvePoints
) -> dict[str, np.ndarray]:
    """Rows of ``light_curves`` of one target and band: relative flux, 1 in the mean of ln."""
    rows, flux = curve.exposures, np.exp(curve.value)
    n = len(rows)
    return {
        "star_id": np.full(n, target.star_id),
        "name": np.full(n, target.name),
        "band": np.full(n, band),
        "exposure_id": fluxes.exposure_ids[rows],
        "night": fluxes.nights[rows],
        "mode": fluxes.modes[rows],
        "mjd_mid": fluxes.mjd[rows],
        "flux": flux,
        "flux_err": flux * curve.err,
        "photon_err": flux * curve.photon_err,
        "n_comparison": curve.n_comparison,
    }


def _light_curves_table(points: Sequence[Mapping[str, np.ndarray]]) -> QTable:
    if not points:
        return make_table("light_curves", {name: [] for name in _POINT_COLUMNS})
    return make_table(
        "light_curves",
        {key: np.concatenate([one[key] for one in points]) for key in _POINT_COLUMNS},
    )


_POINT_COLUMNS = (
    *("star_id", "name", "band", "exposure_id", "night", "mode", "mjd_mid"),
    *("flux", "flux_err", "photon_err", "n_comparison"),
)

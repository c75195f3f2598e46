"""Where the data of the 2021 study differ from its text, and where they confirm it.

The study's numbers come from the table ``claims``, all others are computed; only words are
written by hand, and they are chosen by the numbers.
"""

from collections.abc import Mapping

import numpy as np
from astropy.table import QTable

from pipeline.schema import TABLES, make_table
from pipeline.statistics.columns import numbers
from pipeline.statistics.consistency import (
    affine_between,
    derived_scatter,
    name_candidates,
    points_of,
)
from pipeline.statistics.differences_timelines import timeline_remarks
from pipeline.statistics.floor import fit_floor
from pipeline.statistics.remark import Row, label, remark
from pipeline.statistics.subsets import SEED, Series

RADIUS_PX = 4.5
PIXEL_ARCSEC = 0.2
LEFT_OUT = 25  # takes no part in the study's statistics: too close to the edge of the field
OFFSET_MARGIN = 0.1  # the text says "about 1 arcsec"
AGREEMENT_SIGMA = 3.0


def differences(tables: Mapping[str, QTable], series: Series, reference_exposure: str) -> QTable:
    """The published table ``differences``: one row per claim, with what the data say of it.

    Parameters
    ----------
    tables : mapping
        The record's tables ``claims``, ``catalogue``, ``snr``, ``snr_scatter``, ``coordtrafo``,
        ``spectrum_levels``, and ``reanalysis``.
    series : Series
        The record's timelines.
    reference_exposure : str
        Its exposure_id.
    """
    claims = dict(
        zip(tables["claims"]["key"].tolist(), tables["claims"]["value"].tolist(), strict=True)
    )
    rows = [
        *timeline_remarks(
            claims, series, tables["reanalysis"], tables["spectrum_levels"], reference_exposure
        ),
        brightest(series, tables["snr"]),
        aperture(claims, tables["snr"]),
        offset_remark(claims, tables["coordtrafo"]),
        two_figures(series, tables["snr_scatter"]),
        photon_limit(tables["snr_scatter"]),
    ]
    names = [column.name for column in TABLES["differences"]]
    return make_table("differences", {name: [row[name] for row in rows] for name in names})


def brightest(series: Series, snr: QTable) -> Row:
    """Rank of the four pairs among all pairs by geometric mean SNR."""
    value = dict(zip(snr["star_id"].tolist(), snr[f"r{RADIUS_PX}"].tolist(), strict=True))
    stars = [star for star in sorted(value) if star != LEFT_OUT]
    products = np.array([value[i] * value[j] for i in stars for j in stars if i < j])
    ranks = {
        pair: int(np.count_nonzero(products > value[pair[0]] * value[pair[1]])) + 1
        for pair in series.pairs
    }
    text = ", ".join(f"{label(pair)} {rank}" for pair, rank in ranks.items())
    return remark(
        "brightest_pairs",
        "choice of the four pairs",
        "the four pairs with the highest SNR",
        f"Among {len(products)} pairs they rank: {text}. They link neighbours in the order of the "
        f"single stars' SNR.",
        "Pairs of higher SNR exist; the four are a chain, so that they fix all ratios among "
        "their five stars.",
        value=(float(len(ranks)), float(max(ranks.values()))),
        agrees=max(ranks.values()) == len(ranks),
    )


def aperture(claims: Mapping[str, float], snr: QTable) -> Row:
    names = [name for name in snr.colnames if name != "star_id"]
    values = np.array([numbers(snr[name]) for name in names])
    best = values.argmax(axis=0)
    radius = claims["best_radius_px"]
    n_best = int(np.count_nonzero(best == names.index(f"r{radius}")))
    growing = snr["star_id"][best == len(names) - 1].tolist()
    return remark(
        "best_radius",
        "aperture of the best SNR",
        f"r = {radius:g} px for the majority of observations",
        f"r = {radius:g} px for {n_best} of {len(snr)} stars in the reference exposure, the only "
        f"one with a table; the largest aperture is best for stars "
        f"{', '.join(map(str, growing))}.",
        f"A star whose SNR still grows beyond {radius:g} px either is very bright or shares its "
        "aperture with a neighbour, as star 14 does with star 15, 5 px away: such pairs depend on "
        "the seeing.",
        value=(radius, n_best / len(snr)),
        agrees=n_best > len(snr) / 2,
    )


def offset_remark(claims: Mapping[str, float], coordtrafo: QTable) -> Row:
    reference, detected, transformed = (
        points_of(coordtrafo, kind) for kind in ("reference", "detected", "transformed")
    )
    found, applied = affine_between(reference, detected), affine_between(reference, transformed)
    offset = found.shift_px * PIXEL_ARCSEC
    variances = [numbers(coordtrafo[axis]) ** 2 for axis in ("x_err", "y_err")]
    reading = float(np.sqrt(2 * np.mean(variances[0] + variances[1])))  # of a distance of markers
    miss = float(np.sqrt(np.mean(((detected - transformed) ** 2).sum(axis=1))))
    return remark(
        "offset",
        "offset of an exposure from the reference",
        f"about {claims['offset_arcsec']:g} arcsec",
        f"{offset:.2f} arcsec in the one pair of catalogues shown; the transformation that was "
        f"applied moves by {applied.shift_px * PIXEL_ARCSEC:.2f} arcsec and leaves "
        f"{miss:.2f} px rms between expected and detected positions (reading alone: "
        f"{reading:.2f} px).",
        "Positions of apertures are good to a fraction of a pixel when the match succeeds.",
        value=(claims["offset_arcsec"], offset),
        err=PIXEL_ARCSEC * reading / np.sqrt(2 * len(reference)),  # one axis of the mean
        agrees=abs(offset - claims["offset_arcsec"]) < OFFSET_MARGIN,
    )


def two_figures(series: Series, scatter: QTable) -> Row:
    found = derived_scatter(series, scatter)
    gap = np.abs(found.derived - found.read)
    worst = int(np.argmax(gap))
    err = float(np.max(scatter["std_err"]))
    return remark(
        "two_figures",
        "timelines against the scatter figure",
        "two figures from two scripts",
        f"Products of the four timelines give the scatter of {len(found.pairs)} pairs; all agree "
        f"with the scatter figure, the worst ({label(found.pairs[worst])}) by "
        f"{gap[worst]:.4f}.",
        "The digitised numbers, their signs and the implied values of the outlier are right.",
        value=(float(found.read[worst]), float(found.derived[worst])),
        err=err,
        agrees=bool(gap[worst] < AGREEMENT_SIGMA * err),
    )


def photon_limit(scatter: QTable) -> Row:
    one, two = name_candidates(scatter, SEED)
    found = fit_floor(numbers(scatter["snr_gmean"]), numbers(scatter["std"]), one, two)
    photon = float(np.sqrt(2))
    return remark(
        "floor",
        "scatter against SNR",
        "shown without a model",
        f"std^2 = floor^2 + (k/SNR)^2 with floor = {found.floor:.3f} +- {found.floor_err:.3f} and "
        f"k = {found.k:.0f} +- {found.k_err:.0f} for {found.n_pairs} pairs of {found.n_stars} "
        f"stars (bootstrap over stars); photon noise alone would give k = {photon:.1f}.",
        "Fainter stars scatter far more than the photon noise in STAT lets them: sky, blends or "
        "aperture losses limit them, not photons.",
        value=(photon, found.k),
        err=found.k_err,
        agrees=abs(found.k - photon) < AGREEMENT_SIGMA * found.k_err,
    )

"""Where the data of the 2021 study differ from its text, and where they confirm it.

The study's numbers come from the table ``claims``, all others are computed; only words are
written by hand, and they are chosen by the numbers.
"""

from collections.abc import Mapping

import numpy as np
from astropy.table import QTable

from pipeline.muse.modes import WIDE_FIELD_ARCSEC
from pipeline.schema import TABLES, make_table
from pipeline.statistics.columns import numbers
from pipeline.statistics.consistency import (
    affine_between,
    derived_scatter,
    name_candidates,
    points_of,
)
from pipeline.statistics.differences_timelines import timeline_remarks
from pipeline.statistics.floor import Floor, fit_floor, flagged_stars
from pipeline.statistics.study_comparison import Row, label, study_comparison
from pipeline.statistics.subsets import SEED, Series

RADIUS_PX = 4.5
PIXEL_ARCSEC = WIDE_FIELD_ARCSEC
LEFT_OUT = 25  # takes no part in the study's statistics: too close to the edge of the field
OFFSET_MARGIN = 0.1  # the text says "about 1 arcsec"
AGREEMENT_SIGMA = 3.0


def differences(
    tables: Mapping[str, QTable], series: Series, floor: Floor, reference_exposure: str
) -> QTable:
    """The published table ``differences``: one row per claim, with what the data say of it.

    Parameters
    ----------
    tables : mapping
        The record's tables ``claims``, ``catalogue``, ``snr``, ``snr_scatter``, ``coordtrafo``,
        ``spectrum_levels``, and ``reanalysis``.
    series : Series
        The record's timelines.
    floor : Floor
        Of the record's scatter figure.
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
        stability(claims, tables["snr_scatter"], floor),
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
    return study_comparison(
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
    return study_comparison(
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
    return study_comparison(
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
    return study_comparison(
        "two_figures",
        "timelines against the scatter figure",
        "both show the same fluxes, analysed by two scripts",
        f"Products of the four timelines give the scatter of {len(found.pairs)} pairs; all agree "
        f"with the scatter figure, the worst ({label(found.pairs[worst])}) by "
        f"{gap[worst]:.4f}.",
        "The digitised numbers, their signs and the implied values of the outlier are right.",
        value=(float(found.read[worst]), float(found.derived[worst])),
        err=err,
        agrees=bool(gap[worst] < AGREEMENT_SIGMA * err),
    )


def stability(claims: Mapping[str, float], scatter: QTable, floor: Floor) -> Row:
    """The floor of the scatter figure against the accuracy that the study expects."""
    expected = claims["expected_mag"] * np.log(10) / 2.5  # a small magnitude as a ratio
    std, snr = numbers(scatter["std"]), numbers(scatter["snr_gmean"])
    below = int(np.count_nonzero(std < expected))
    photon = np.sqrt(2) / snr  # two equal stars
    return study_comparison(
        "floor",
        "scatter against SNR",
        f"expects {claims['expected_mag']:g} mag from earlier work; shows the scatter without a "
        f"model",
        f"σ² = floor² + (k/SNR)² with floor = {floor.floor:.3f} ± {floor.floor_err:.3f} and "
        f"k = {floor.k:.0f} ± {floor.k_err:.0f} from {floor.n_pairs} pairs of {floor.n_stars} "
        f"unflagged stars (bootstrap over stars); {below} of {len(std)} pairs scatter by less than "
        f"{expected:.3f}. Photon noise alone, at the SNR of the reference exposure, would give "
        f"k = {np.sqrt(2):.1f}; the median pair scatters {np.median(std / photon):.0f} times as much.",
        "This floor is too high: on the axis of the geometric mean a bright star beside a faint one "
        "lies too far to the right. The page on the record has the floor against the SNR of the ratio, from "
        "error propagation. Sky, blends or aperture losses limit most pairs, not the photon noise in STAT.",
        value=(expected, floor.floor),
        err=floor.floor_err,
        agrees=floor.floor - expected < AGREEMENT_SIGMA * floor.floor_err,
    )


def floor_of_record(scatter: QTable, catalogue: QTable) -> Floor:
    """The floor of the digitised scatter figure, without pairs of flagged stars.

    Where it is not known which pair a point is, a possible assignment is drawn: the candidates
    of a point have the same SNR, so that only the bootstrap and the choice of unflagged pairs
    depend on it, by less than the uncertainty.
    """
    one, two = name_candidates(scatter, SEED)
    flagged = flagged_stars(catalogue)
    good = ~(np.isin(one, flagged) | np.isin(two, flagged))
    return fit_floor(
        numbers(scatter["snr_gmean"])[good], numbers(scatter["std"])[good], one[good], two[good]
    )

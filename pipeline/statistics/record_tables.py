"""The record of 2019 as tables: all ten pairs, and findings on the whole record."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.statistics.columns import numbers
from pipeline.statistics.consistency import name_candidates
from pipeline.statistics.fluxes import OUTLIER, Fluxes
from pipeline.statistics.paired import paired_difference
from pipeline.statistics.pairs import pair_statistics
from pipeline.statistics.record import (
    floors,
    independence,
    lag_one_correlation,
    leave_one_star_out,
    nights_of,
    snr_of_ratio,
    ten_pairs,
)
from pipeline.statistics.stability import Stability
from pipeline.statistics.subsets import SEED
from pipeline.statistics.trend_tests import holm

NO_AO = "NOAO"
Finding = tuple[str, float, float, float, str, int, str]


def record_tables(
    fluxes: Fluxes, fit: Stability, scatter: QTable, snr: Mapping[int, float]
) -> dict[str, QTable]:
    """``record_pairs`` and ``record_findings``.

    Parameters
    ----------
    fluxes : Fluxes
        Of the stars that the timelines tie together (``fluxes_of_series``).
    fit : Stability
        Of the same fluxes: its covariance enters trends, its bad exposures are left out.
    scatter : QTable
        ``snr_scatter``: one point for each pair of stars.
    snr : mapping of star to SNR of one exposure
    """
    flags = fluxes.exposure_flags.astype(object)
    flags[fit.bad_exposures] = OUTLIER
    clean = replace(fluxes, exposure_flags=flags.astype(str))
    kept = (clean.usable & (clean.flux > 0)).all(axis=1)
    found = clean.select(np.flatnonzero(kept))
    return {
        "record_pairs": _pairs(clean, found, fit),
        "record_findings": _findings(found, scatter, snr),
    }


def _pairs(clean: Fluxes, complete: Fluxes, fit: Stability) -> QTable:
    pairs = ten_pairs(complete.star_ids)
    one, two = (complete.columns(pair[side] for pair in pairs) for side in (0, 1))
    log = np.log(complete.flux)
    nights = [
        nights_of(log[:, i] - log[:, j], complete.nights) for i, j in zip(one, two, strict=True)
    ]
    without_ao = np.char.find(complete.modes.astype(str), NO_AO) >= 0
    offset = paired_difference(complete, ~without_ao, without_ao, pairs)
    lines = pair_statistics(clean, pairs, stability=fit)
    return make_table(
        "record_pairs",
        {
            "star_1": [pair[0] for pair in pairs],
            "star_2": [pair[1] for pair in pairs],
            "n": [one.n for one in nights],
            "n_nights": [one.n_nights for one in nights],
            "std": [one.std for one in nights],
            "std_within": [one.within for one in nights],
            "std_between": [one.between for one in nights],
            "f_nights": [one.f for one in nights],
            "p_nights": holm(np.array([one.p for one in nights])),
            "slope_per_year": numbers(lines["slope_per_year"]),
            "slope_err": numbers(lines["slope_err"]),
            "trend_p": numbers(lines["trend_p"]),
            "trend_p_adjusted": numbers(lines["trend_p_adjusted"]),
            "ao_offset": offset.difference,
            "ao_offset_err": offset.err,
            "ao_nights": offset.n_nights,
            "ao_p_adjusted": offset.p_adjusted,
        },
    )


def _findings(fluxes: Fluxes, scatter: QTable, snr: Mapping[int, float]) -> QTable:
    rows = [*_stars(fluxes), *_floors(scatter, snr), *_predictions(scatter, snr)]
    names = ("quantity", "value", "err", "p", "subject", "n", "meaning")
    return make_table(
        "record_findings", dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    )


def _stars(fluxes: Fluxes) -> list[Finding]:
    log = np.log(fluxes.flux)
    n = len(log)
    found = independence(log)
    rows: list[Finding] = [
        (
            "star_std",
            float(std),
            float(err),
            np.nan,
            f"star {star}",
            n,
            "standard deviation of ln F, if each star varied by itself",
        )
        for star, std, err in zip(fluxes.star_ids.tolist(), found.std, found.std_err, strict=True)
    ]
    rows.append(
        (
            "independence",
            found.likelihood_ratio,
            np.nan,
            found.p,
            "all stars",
            n,
            f"twice the ln of the likelihood ratio against stars that vary by themselves, {found.dof} "
            "degrees of freedom; exposures taken as independent",
        )
    )
    rows += [
        (
            "mode",
            float(value),
            np.nan,
            np.nan,
            f"star {star}",
            n,
            f"part of the star in the pattern that holds {100 * found.mode_share:.0f} % of the variance",
        )
        for star, value in zip(fluxes.star_ids.tolist(), found.mode, strict=True)
    ]
    mean = log.mean(axis=1)
    rows += [
        (
            "lag_one",
            lag_one_correlation(log[:, column] - mean, fluxes.nights),
            1 / np.sqrt(len(np.unique(fluxes.nights))),
            np.nan,
            f"star {star}",
            len(np.unique(fluxes.nights)),
            "correlation of successive nights of the star against the mean of all; error: of white noise",
        )
        for column, star in enumerate(fluxes.star_ids.tolist())
    ]
    return rows


def _floors(scatter: QTable, snr: Mapping[int, float]) -> list[Finding]:
    one, two = name_candidates(scatter, SEED)
    of_ratio = snr_of_ratio(
        np.array([snr[star] for star in one.tolist()]),
        np.array([snr[star] for star in two.tolist()]),
    )
    found = floors(numbers(scatter["snr_gmean"]), of_ratio, numbers(scatter["std"]), one, two)
    return [
        (
            f"floor_{name.replace(' ', '_')}",
            fit.floor,
            fit.floor_err,
            np.nan,
            "all pairs",
            fit.n_pairs,
            f"floor of the scatter against the {name} SNR of a pair, one exposure; bootstrap over stars",
        )
        for name, fit in found.items()
    ]


def _predictions(scatter: QTable, snr: Mapping[int, float]) -> list[Finding]:
    one, two = (np.asarray(scatter[key], int) for key in ("star_1", "star_2"))
    known = one > 0
    one, two = one[known], two[known]
    of_ratio = snr_of_ratio(
        np.array([snr[star] for star in one.tolist()]),
        np.array([snr[star] for star in two.tolist()]),
    )
    found = leave_one_star_out(of_ratio, numbers(scatter["std"])[known], one, two)
    n, subject = len(one), "pairs known by name"
    return [
        (
            "left_out_rms",
            found.rms,
            np.nan,
            np.nan,
            subject,
            n,
            "rms of ln of scatter over prediction, one star of the pair left out",
        ),
        (
            "left_out_covered",
            found.covered,
            np.nan,
            np.nan,
            subject,
            n,
            "share of these pairs within the 95 % interval of the prediction",
        ),
    ]

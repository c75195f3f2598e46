"""Whether ratios scatter less in one aperture, method, mode or season than in another: paired tests.

The scatter of a star is that of ln F about the mean of the other bright stars in the same exposures,
each mode about its own mean. Two choices are compared star by star, ln of the ratio of the two
scatters. Stars on one channel share what it does, so they count as one: the mean over the channels is
tested against 0 (Student's t). Few stars, channels or exposures: no number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import scipy
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.paired import PairedDifference, paired_difference
from pipeline.statistics.subsets import seasons
from pipeline.statistics.trend_tests import holm

MIN_SNR = 30.0  # of a star that is compared
MIN_STARS, MIN_CHANNELS, MIN_EXPOSURES = 6, 4, 8
MIN_COVERAGE = 0.8  # of a star over the exposures that are compared
AO = "-AO-"
EXTENDED = "-E"


@dataclass(frozen=True)
class Choice:
    """One side of a comparison."""

    name: str
    fluxes: Fluxes
    exposures: np.ndarray  # (exposure,) bool, those that count


@dataclass(frozen=True)
class ScatterChange:
    """Scatter under the first choice over that under the second."""

    first: str
    second: str
    n_stars: int
    n_first: int  # exposures
    n_second: int
    ratio: float = np.nan  # geometric mean over channels; NaN: too few of any
    low95: float = np.nan
    high95: float = np.nan
    p: float = np.nan  # two-sided; null hypothesis: the ratio is 1


def scatter_change(first: Choice, second: Choice) -> ScatterChange:
    """The comparison of two choices.

    Parameters
    ----------
    first, second : Choice
        With the same stars; with the same exposures, only what is usable in both counts.
    """
    sides = [_bright(one.fluxes) & one.exposures[:, np.newaxis] for one in (first, second)]
    same = np.array_equal(first.exposures, second.exposures)
    if same:
        sides = [sides[0] & sides[1]] * 2
    stars = np.logical_and.reduce([_covered(used) for used in sides])
    counts = [int(np.count_nonzero(used[:, stars].any(axis=1))) for used in sides]
    of_first, of_second = counts
    nothing = ScatterChange(first.name, second.name, int(stars.sum()), of_first, of_second)
    if stars.sum() < MIN_STARS or min(counts) < MIN_EXPOSURES:
        return nothing
    scatters = [
        _scatter(one.fluxes, used, stars) for one, used in zip((first, second), sides, strict=True)
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log(scatters[0]) - np.log(scatters[1])
    known = np.isfinite(change)
    change = _of_channels(change[known], first.fluxes.channel[stars][known])
    n = len(change)
    if n < MIN_CHANNELS:
        return nothing
    mean, err = float(change.mean()), float(change.std(ddof=1) / np.sqrt(n))
    if err == 0:
        return nothing  # the two are the same fluxes
    reach = float(scipy.special.stdtrit(n - 1, 0.975)) * err
    return replace(
        nothing,
        n_stars=int(known.sum()),
        ratio=float(np.exp(mean)),
        low95=float(np.exp(mean - reach)),
        high95=float(np.exp(mean + reach)),
        p=float(2 * scipy.special.stdtr(n - 1, -abs(mean) / err)),
    )


def _of_channels(change: np.ndarray, channel: np.ndarray) -> np.ndarray:
    """(channel,) means over the stars of each; a star on an unknown channel is on one of its own."""
    lone = change[channel == 0]
    held = np.unique(channel[channel > 0])
    means = [float(change[channel == one].mean()) for one in held.tolist()]
    return np.concatenate([means, lone])


def exposure_choices(fluxes: Fluxes) -> list[tuple[Choice, Choice]]:
    """AO against no AO, extended against nominal range, and each season against the one before."""
    used = fluxes.exposure_flags == ""
    found = []
    for first, second, mask in _conditions(fluxes.modes):
        found.append((Choice(first, fluxes, used & mask), Choice(second, fluxes, used & ~mask)))
    parts = list(seasons(fluxes.nights).items())
    for (before, earlier), (after, later) in pairwise(parts):
        found.append((Choice(after, fluxes, used & later), Choice(before, fluxes, used & earlier)))
    return found


def _conditions(modes: np.ndarray) -> list[tuple[str, str, np.ndarray]]:
    """Two sides of the instrument's modes, where the campaign has both."""
    sides = (
        ("AO", "no AO", np.array([AO in mode for mode in modes.tolist()], bool)),
        (
            "extended",
            "nominal",
            np.array([mode.endswith(EXTENDED) for mode in modes.tolist()], bool),
        ),
    )
    return [one for one in sides if one[2].any() and not one[2].all()]


def scatter_table(choices: Sequence[tuple[Choice, Choice]]) -> QTable:
    """The table ``scatter_comparisons``: a row for each comparison."""
    rows = [scatter_change(first, second) for first, second in choices]
    names = ("first", "second", "n_stars", "n_first", "n_second", "ratio", "low95", "high95", "p")
    columns = {name: [getattr(row, name) for row in rows] for name in names}
    columns["p_adjusted"] = holm(np.array([row.p for row in rows], float)).tolist()
    return make_table("scatter_comparisons", columns)


def offsets_table(fluxes: Fluxes, pairs: Sequence[tuple[int, int]]) -> QTable:
    """The table ``mode_offsets``: ratios with AO less those without in the same nights, and N against E."""
    blocks: list[tuple[str, str, PairedDifference]] = []
    used = fluxes.exposure_flags == ""
    for first, second, mask in _conditions(fluxes.modes):
        found = paired_difference(fluxes, used & mask, used & ~mask, pairs)
        blocks.append((first, second, found))
    names = ("n_nights", "difference", "err", "low95", "high95", "p", "p_adjusted")
    columns: dict[str, list[object]] = {
        "star_1": [pair[0] for _, _, found in blocks for pair in found.pairs],
        "star_2": [pair[1] for _, _, found in blocks for pair in found.pairs],
        "first": [first for first, _, found in blocks for _ in found.pairs],
        "second": [second for _, second, found in blocks for _ in found.pairs],
        **{
            name: [value for *_, found in blocks for value in getattr(found, name).tolist()]
            for name in names
        },
    }
    return make_table("mode_offsets", columns)


def _bright(fluxes: Fluxes) -> np.ndarray:
    """(exposure, star) usable points of stars whose median SNR is high enough."""
    used = fluxes.usable & (fluxes.flux > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        snr = np.where(used, fluxes.flux / fluxes.flux_err, np.nan)
    known = np.isfinite(snr)
    median = [np.median(s[k]) if k.any() else 0.0 for s, k in zip(snr.T, known.T, strict=True)]
    return np.asarray(used & (np.array(median) >= MIN_SNR))


def _covered(used: np.ndarray) -> np.ndarray:
    """(star,) bool: seen in most of the exposures that count."""
    n = max(int(np.count_nonzero(used.any(axis=1))), 1)
    return np.asarray(used.sum(axis=0) >= MIN_COVERAGE * n)


def _scatter(fluxes: Fluxes, used: np.ndarray, stars: np.ndarray) -> np.ndarray:
    """(star,) standard deviation of ln F about the mean of the other stars, mode by mode."""
    used = used[:, stars]
    log = np.where(used, np.log(np.where(used, fluxes.flux[:, stars], 1.0)), 0.0)
    centred = log - _mode_means(log, used, fluxes.modes)
    n = np.maximum(used.sum(axis=1, keepdims=True) - 1, 1)
    others = (np.where(used, centred, 0.0).sum(axis=1, keepdims=True) - centred) / n
    residual = centred - others
    residual = np.where(used, residual - _mode_means(residual, used, fluxes.modes), 0.0)
    n_modes = len(np.unique(fluxes.modes[used.any(axis=1)]))
    return np.asarray(
        np.sqrt((residual**2).sum(axis=0) / np.maximum(used.sum(axis=0) - n_modes, 1))
    )


def _mode_means(values: np.ndarray, used: np.ndarray, modes: np.ndarray) -> np.ndarray:
    """(exposure, star) mean of each star over the exposures of the same mode."""
    means = np.zeros(values.shape)
    for mode in np.unique(modes):
        rows = modes == mode
        n = np.maximum(used[rows].sum(axis=0), 1)
        means[rows] = np.where(used[rows], values[rows], 0.0).sum(axis=0) / n
    return means

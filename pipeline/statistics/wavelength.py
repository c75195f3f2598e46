"""Whether the stability of ratios depends on wavelength: passbands, and bands of 100 Angstrom.

Each band has amplitudes of its own (slow and night, exposure, jitter, and, where the passband of the
headlines asks for them, the additive terms of the sky), fitted to the same bright stars at the time
scale and share of the night of that passband, so that the rows of the table compare.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from astropy.table import QTable

from pipeline.muse.absorption import features_in
from pipeline.schema import TABLES, make_table
from pipeline.schema.definitions import NARROW_BAND_AA
from pipeline.statistics.additive import (
    Additive,
    Amplitudes,
    common_pattern,
    likeliest_amplitudes,
    with_additive,
)
from pipeline.statistics.columns import texts
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.kernels import window_factor
from pipeline.statistics.log_fluxes import LogFluxes, TooFewFluxes, log_fluxes
from pipeline.statistics.nodes import Nodes
from pipeline.statistics.smoother import Smoother, Variances
from pipeline.statistics.stability import Stability, fit_likeliest

MIN_SNR = 30.0  # of one exposure in the median band of 100 Angstrom: a bright star
MIN_STARS, MIN_EXPOSURES = 4, 10  # fewer, and a band has no number
SIGMA_OF_LEVEL = {68: 0.9945, 95: 1.95996}  # of a normal distribution


COLUMNS = tuple(column.name for column in TABLES["wavelength"])


@dataclass(frozen=True)
class BandSeries:
    """Fluxes of a campaign in one band."""

    name: str
    range_aa: tuple[float, float]
    fluxes: Fluxes


def wavelength_table(series: Sequence[BandSeries], responses: QTable, *, band: str) -> QTable:
    """The table ``wavelength``: floor and channel terms, band by band.

    Parameters
    ----------
    series : sequence of BandSeries
        Bands with the same exposures and stars; those below 150 Angstrom choose the bright stars.
    responses : QTable
        Table ``channel_responses`` of the passband of the headlines, which others are compared with.
    band : str
        That passband, one of the series: its time scale, share of the night and additive terms are
        where the other fits start.

    Returns
    -------
    QTable
        NaN where a band has too few exposures, stars or channels. Without rows if that is so for
        the passband of the headlines.
    """
    bright = bright_stars(series)
    kept = [replace(one, fluxes=_of_stars(one.fluxes, bright)) for one in series]
    first = next((one for one in kept if one.name == band), None)
    rows: list[dict[str, object]] = []
    fit = _fit_of(first)
    if fit is not None:
        known, additive = _matrix(responses), fit.additive
        for one in kept:
            row, additive = _row(one, fit, additive, known)
            rows.append(row)
    return make_table("wavelength", {key: [row[key] for row in rows] for key in COLUMNS})


def _fit_of(headline: BandSeries | None) -> Stability | None:
    """The stability model in the passband of the headlines; None: too few fluxes."""
    try:
        return fit_likeliest(headline.fluxes, find_bad=False) if headline else None
    except TooFewFluxes:
        return None


def _of_stars(fluxes: Fluxes, kept: np.ndarray) -> Fluxes:
    return replace(fluxes, flux_flags=np.where(kept, fluxes.flux_flags, "faint"))


def bright_stars(series: Sequence[BandSeries]) -> np.ndarray:
    """(star,) bool: median SNR of at least ``MIN_SNR`` in the median narrow band."""
    narrow = [one for one in series if one.range_aa[1] - one.range_aa[0] < NARROW_BAND_AA]
    medians = np.array([_median_snr(one.fluxes) for one in narrow or series])
    if not medians.size:
        return np.zeros(0, bool)
    seen = np.isfinite(medians)
    middle = np.array(
        [np.median(m[s]) if s.any() else 0.0 for m, s in zip(medians.T, seen.T, strict=True)]
    )
    return np.asarray(middle >= MIN_SNR)


def _median_snr(fluxes: Fluxes) -> np.ndarray:
    """(star,) median over usable exposures; NaN: a star without any."""
    with np.errstate(invalid="ignore", divide="ignore"):
        snr = np.where(fluxes.usable, fluxes.flux / fluxes.flux_err, np.nan)
    known = np.isfinite(snr)
    return np.array(
        [np.median(s[k]) if k.any() else np.nan for s, k in zip(snr.T, known.T, strict=True)]
    )


def _row(
    one: BandSeries, fit: Stability, start: Additive | None, known: "_Responses"
) -> tuple[dict[str, object], Additive | None]:
    """A row of the table, and the additive terms that the next band starts from."""
    fluxes = one.fluxes
    snr = _median_snr(fluxes)
    seen = np.isfinite(snr)
    row: dict[str, object] = {
        "band": one.name,
        "first_aa": one.range_aa[0],
        "last_aa": one.range_aa[1],
        "feature": features_in(*one.range_aa),
        "n": int(np.count_nonzero(fluxes.usable.any(axis=1))),
        "n_stars": int(np.count_nonzero(seen)),
        "snr": float(np.median(snr[seen])) if seen.any() else np.nan,
        **dict.fromkeys(("floor", "low68", "high68", "low95", "high95"), np.nan),
        **dict.fromkeys(("within_night", "response_std", "response_correlation"), np.nan),
    }
    try:
        logs = log_fluxes(fluxes)
        row |= {"n": len(logs.exposures), "n_stars": len(logs.stars)}
        if len(logs.exposures) < MIN_EXPOSURES or len(logs.stars) < MIN_STARS:
            return row, start
        found = likeliest_amplitudes(logs, fit.nodes, start)
    except TooFewFluxes:
        return row, start
    relative = found.floor_err / found.floor
    for level, sigma in SIGMA_OF_LEVEL.items():
        row |= {
            f"low{level}": found.floor * float(np.exp(-sigma * relative)),
            f"high{level}": found.floor * float(np.exp(sigma * relative)),
        }
    std, correlation = _compared(logs, found, fit.nodes, fluxes, known)
    row |= {
        "floor": found.floor,
        "within_night": float(np.sqrt(2 * (found.parts[1:] ** 2).sum())),
        "response_std": std,
        "response_correlation": correlation,
    }
    return row, None if start is None else found.additive


@dataclass(frozen=True)
class _Responses:
    """Channel responses of one passband."""

    exposure_ids: tuple[str, ...]
    channels: tuple[int, ...]
    value: np.ndarray  # (exposure, channel), NaN: not known


def _matrix(responses: QTable) -> _Responses:
    exposures = tuple(dict.fromkeys(texts(responses["exposure_id"]).tolist()))
    channels = tuple(dict.fromkeys(np.asarray(responses["channel"], int).tolist()))
    value = np.full((len(exposures), len(channels)), np.nan)
    row_of = {name: row for row, name in enumerate(exposures)}
    column_of = {channel: column for column, channel in enumerate(channels)}
    for row in responses:
        place = row_of[str(row["exposure_id"])], column_of[int(row["channel"])]
        value[place] = float(row["response"])
    return _Responses(exposures, channels, value)


def _compared(
    logs: LogFluxes, found: Amplitudes, nodes: Nodes, fluxes: Fluxes, known: _Responses
) -> tuple[float, float]:
    """Rms of the channel responses in a band, and their correlation with the known ones.

    Over the exposures and channels that both have, each about its mean over these channels and then
    over these exposures.
    """
    ids = fluxes.exposure_ids[logs.exposures].tolist()
    _, i, k = np.intersect1d(ids, known.exposure_ids, return_indices=True)
    channels, here, there = np.intersect1d(logs.channels, known.channels, return_indices=True)
    if len(channels) < 2 or len(i) < 2:
        return np.nan, np.nan
    response = _courses(logs, found, nodes)
    mine, other = _centred(response[np.ix_(i, here)]), _centred(known.value[np.ix_(k, there)])
    norm = float(np.sqrt((mine**2).sum() * (other**2).sum()))
    std = float(np.sqrt((mine**2).mean()))
    return std, float((mine * other).sum()) / norm if norm > 0 else np.nan


def _courses(logs: LogFluxes, found: Amplitudes, nodes: Nodes) -> np.ndarray:
    """(exposure, channel) responses at the likeliest amplitudes."""
    best = int(np.argmax(nodes.log_like))
    slow, night, tau = (float(getattr(nodes, n)[best]) for n in ("slow", "night", "tau_days"))
    per_floor = slow * float(window_factor(tau)) + night
    scale = float(found.parts[0]) ** 2 / per_floor if per_floor > 0 else 0.0
    exposure, jitter = (found.parts[1:] ** 2).tolist()
    variances = Variances(slow * scale, night * scale, exposure, jitter, tau)
    changed = with_additive(logs, found.additive)
    free = None if found.additive == Additive() else common_pattern(logs)
    return Smoother(changed, variances, np.zeros(len(logs.stars)), free).channel_courses().value


def _centred(response: np.ndarray) -> np.ndarray:
    relative = response - response.mean(axis=1, keepdims=True)
    return np.asarray(relative - relative.mean(axis=0))

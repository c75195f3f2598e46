"""Logarithms of fluxes on a complete grid of exposures and stars, with gaps marked.

What the stability model is fitted to: stars and exposures that have too little data are left
out here, once, and everything after works on full arrays.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.statistics.fluxes import Fluxes

MIN_COVERAGE = 0.5  # of a star over exposures, of an exposure over stars
MIN_EXPOSURES = 5
MIN_STARS = 2
NOISY = 4.0  # times a star's median variance: such a point says little, it counts as a gap,
QUIET = 1e-4  # unless its variance is below this: an error of 1 % says something of any floor
MIN_VARIANCE = 1e-12  # of ln F: keeps the noise matrix invertible where no error is known


class TooFewFluxes(ValueError):
    """Not enough exposures, stars or channels for the stability model."""


@dataclass(frozen=True)
class LogFluxes:
    """ln F of kept exposures and stars; arrays have shape (exposure, star) unless said else."""

    exposures: np.ndarray  # (exposure,) row numbers in Fluxes
    stars: np.ndarray  # (star,) column numbers in Fluxes
    value: np.ndarray  # ln F; a gap holds the additive fit star + exposure
    variance: np.ndarray  # (flux_err / flux)^2; a gap holds the star's typical variance
    gap: np.ndarray  # bool
    share: np.ndarray  # (star, channel) mean share of light, times load
    gram: np.ndarray  # (star, star) mean over exposures of share @ share.T
    load: np.ndarray  # (star,) change of ln F per unit of its channel; not 1: sky left in apertures
    coherence: np.ndarray  # (exposure, exposure) or a single 1: overlap of shares in two exposures
    channels: np.ndarray  # (channel,) numbers
    star_ids: np.ndarray  # (star,)
    mjd: np.ndarray  # (exposure,)
    nights: np.ndarray  # (exposure,)
    modes: np.ndarray  # (exposure,)

    @property
    def star_variance(self) -> np.ndarray:
        """(star,) mean variance of the points that are no gaps."""
        seen = ~self.gap
        total = np.where(seen, self.variance, 0.0).sum(axis=0)
        mean: np.ndarray = total / np.maximum(np.count_nonzero(seen, axis=0), 1)
        return np.asarray(np.maximum(mean, MIN_VARIANCE))

    @property
    def home(self) -> np.ndarray:
        """(star,) position in ``channels`` of the channel that holds most of a star."""
        home: np.ndarray = np.abs(self.share).argmax(axis=1)
        return home


def log_fluxes(fluxes: Fluxes, *, drop_exposures: np.ndarray | None = None) -> LogFluxes:
    """ln F of all stars and exposures that have enough usable, positive fluxes.

    A star without a known channel is left out, unless no star has one: then every star is its
    own channel. A flux without an error, or much noisier than the star's median, is a gap; where no
    flux has an error, the noise is left to the jitter.

    Raises
    ------
    TooFewFluxes
        If fewer than five exposures, two nights, two stars or two channels remain.
    """
    used, variance = _usable(fluxes)
    if drop_exposures is not None:
        used = used & ~drop_exposures[:, np.newaxis]
    share = _shares(fluxes)
    with np.errstate(invalid="ignore"):
        placed = np.nansum(share, axis=-1) > 0
    used = used & (placed if placed.ndim == 2 else placed[np.newaxis])
    stars = np.flatnonzero(used.sum(axis=0) >= max(2.0, MIN_COVERAGE * _n_rows(used)))
    rows = np.flatnonzero(used[:, stars].sum(axis=1) >= max(2.0, MIN_COVERAGE * len(stars)))
    rows = _with_company(rows, fluxes.modes)
    if len(rows) < MIN_EXPOSURES or len(stars) < MIN_STARS:
        raise TooFewFluxes(
            f"{len(rows)} exposures of {len(stars)} stars have enough usable fluxes; "
            f"{MIN_EXPOSURES} exposures of {MIN_STARS} stars are needed"
        )
    if len(np.unique(fluxes.nights[rows])) < 2:
        raise TooFewFluxes(
            "all exposures are of one night: what changes from night to night is open"
        )
    # an order of its own: the same fluxes in another order give the same bytes
    stars = stars[np.argsort(fluxes.star_ids[stars], kind="stable")]
    rows = rows[np.lexsort((fluxes.exposure_ids[rows], fluxes.mjd[rows]))]
    grid = np.ix_(rows, stars)
    gap = ~used[grid]
    share = share[grid] if share.ndim == 3 else share[stars]
    mean, gram, coherence = _overlap(share)
    held = np.flatnonzero(mean.sum(axis=0) > 0)
    if len(held) < 2:
        raise TooFewFluxes(
            "all stars lie on one channel; a channel is known only relative to others"
        )
    typical = np.nanmedian(np.where(gap, np.nan, variance[grid]), axis=0)
    return LogFluxes(
        exposures=rows,
        stars=stars,
        value=_filled(np.where(gap, np.nan, _log(fluxes.flux[grid])), gap),
        variance=np.where(gap, typical, variance[grid]),
        gap=gap,
        share=mean[:, held],
        gram=gram,
        load=np.ones(len(stars)),
        coherence=coherence,
        channels=held + 1,
        star_ids=fluxes.star_ids[stars],
        mjd=fluxes.mjd[rows],
        nights=fluxes.nights[rows],
        modes=fluxes.modes[rows],
    )


def _with_company(rows: np.ndarray, modes: np.ndarray) -> np.ndarray:
    """The rows whose mode has another one: a mode has an offset of its own."""
    _, mode, n = np.unique(modes[rows], return_inverse=True, return_counts=True)
    return rows[n[mode] > 1]


def _n_rows(used: np.ndarray) -> int:
    return int(np.count_nonzero(used.any(axis=1)))


def _log(flux: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.log(flux))


def _usable(fluxes: Fluxes) -> tuple[np.ndarray, np.ndarray]:
    """Points that enter, and their variance of ln F."""
    with np.errstate(invalid="ignore", divide="ignore"):
        used = fluxes.usable & (fluxes.flux > 0)
        variance = np.where(used, (fluxes.flux_err / fluxes.flux) ** 2, np.nan)
        known = used & np.isfinite(variance) & (variance > 0)
    if not known.any():
        return used, np.where(used, MIN_VARIANCE, np.nan)
    median = np.array(
        [np.median(v[k]) if k.any() else np.nan for v, k in zip(variance.T, known.T, strict=True)]
    )
    with np.errstate(invalid="ignore"):
        return known & (variance <= np.maximum(NOISY * median, QUIET)), variance


def _shares(fluxes: Fluxes) -> np.ndarray:
    """(star, channel) or (exposure, star, channel) shares; zero rows: channel unknown."""
    if fluxes.channel_share.size:
        return np.asarray(np.nan_to_num(fluxes.channel_share))
    channel = fluxes.channel
    if not (channel > 0).any():
        return np.eye(len(channel))
    one_hot: np.ndarray = (channel[:, np.newaxis] == np.arange(1, channel.max() + 1)).astype(float)
    return one_hot


def channel_shares(fluxes: Fluxes) -> np.ndarray:
    """(exposure, star, channel) share of each star's light; a star of unknown channel has its own."""
    share = _shares(fluxes)
    if share.ndim == 2:
        share = np.broadcast_to(share, (len(fluxes.flux), *share.shape))
    lone = np.flatnonzero(~share.any(axis=(0, 2)))
    own = np.zeros((*share.shape[:2], len(lone)))
    own[:, lone, np.arange(len(lone))] = 1.0
    return np.concatenate([share, own], axis=2)


def _overlap(share: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean share, mean of share @ share.T over exposures, and overlap of any two exposures."""
    if share.ndim == 2:
        return share, share @ share.T, np.ones((1, 1))
    flat = share.reshape(len(share), -1)
    coherence = flat @ flat.T
    scale = np.sqrt(np.diag(coherence))
    gram = np.einsum("esc,etc->st", share, share) / len(share)
    return share.mean(axis=0), gram, coherence / np.outer(scale, scale)


def _filled(value: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Gaps filled with star + exposure, by alternating medians of the rest."""
    if not gap.any():
        return value
    star = np.nanmedian(value, axis=0)
    exposure = np.nanmedian(value - star, axis=1)
    star = np.nanmedian(value - exposure[:, np.newaxis], axis=0)
    return np.where(gap, exposure[:, np.newaxis] + star, value)

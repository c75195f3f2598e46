"""The level of the sky about each star, from an annulus free of other stars.

What sky subtraction leaves behind differs from place to place (by channel, by slice, under the
wings of a bright star). A constant left under a star of flux F enters ln F as constant / F: faint
stars feel it first. The level is the mean of the annulus's spaxels: of those that lie on no known
star, and in each block of layers without those whose mean over the block stands out (stars too
faint to be known, cosmic rays).
"""

from dataclasses import dataclass

import numpy as np

from pipeline.measure.layers import Block
from pipeline.measure.spectra import Targets

CLIP_SIGMA = 4.0  # of the spaxels' own scatter: 1 in 16 000 of Gaussian noise is cut
MIN_SPAXELS = 20  # fewer do not tell a level: it is NaN, and so is the flux
MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class Annuli:
    """The spaxels that determine the sky of each star."""

    spaxels: np.ndarray  # (n,) flat indices, increasing, of all annuli together
    members: tuple[np.ndarray, ...]  # of each star, rows into ``spaxels``


def build_annuli(targets: Targets, shape: tuple[int, ...]) -> Annuli | None:
    """The spaxels of every star's annulus that are on the image and on no other star.

    A spaxel belongs to a star if it is within the annulus's inner radius of it. None without an
    annulus.

    Parameters
    ----------
    targets : Targets
    shape : (ny, nx)
    """
    if targets.sky_annulus_px is None:
        return None
    inner, outer = targets.sky_annulus_px
    everyone = np.vstack([targets.xy, targets.neighbours_xy])
    flat = []
    for star, (x, y) in enumerate(targets.xy):
        others = np.delete(everyone, star, axis=0)
        flat.append(_clean_annulus(x, y, inner, outer, others, shape))
    spaxels = np.unique(np.concatenate(flat)) if flat else np.empty(0, int)
    return Annuli(spaxels, tuple(np.searchsorted(spaxels, one) for one in flat))


def _clean_annulus(
    x: float, y: float, inner: float, outer: float, others: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """Flat indices of the spaxels of an annulus that are not within its inner radius of others."""
    ny, nx = shape
    if not (-outer < x < nx + outer and -outer < y < ny + outer):  # NaN as well
        return np.empty(0, int)
    column, row = np.meshgrid(
        np.arange(max(0, int(x - outer)), min(nx, int(x + outer) + 2)),
        np.arange(max(0, int(y - outer)), min(ny, int(y + outer) + 2)),
    )
    distance = np.hypot(column - x, row - y)
    use = (distance >= inner) & (distance <= outer)
    for other_x, other_y in others[np.hypot(*(others - (x, y)).T) <= inner + outer]:
        if np.hypot(other_x - x, other_y - y) > 0:  # a position that is named twice is one star
            use &= np.hypot(column - other_x, row - other_y) > inner
    return np.asarray((row * nx + column)[use])


def sky_levels(block: Block, annuli: Annuli) -> tuple[np.ndarray, np.ndarray]:
    """Mean level of each annulus and its variance, both of shape (star, layer); NaN: too few.

    Parameters
    ----------
    block : Block
        Of the spaxels of the annuli.
    annuli : Annuli
    """
    data, stat, known = (
        np.ascontiguousarray(one.T) for one in (block.data, block.stat, ~block.missing)
    )
    level, variance = np.full((2, len(annuli.members), data.shape[1]), np.nan)
    for star, rows in enumerate(annuli.members):
        if len(rows) < MIN_SPAXELS:
            continue
        seen = known[rows]
        rows, seen = rows[(kept := _ordinary(data[rows], seen))], seen[kept]
        count = seen.sum(axis=0)
        enough = count >= MIN_SPAXELS
        count = np.where(enough, count, 1)
        level[star, enough] = ((data[rows] * seen).sum(axis=0) / count)[enough]
        variance[star, enough] = ((stat[rows] * seen).sum(axis=0) / count**2)[enough]
    return level, variance


def _ordinary(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Whether the mean of a spaxel over the layers of the block is like that of the others."""
    count = seen.sum(axis=1)
    mean = (values * seen).sum(axis=1) / np.maximum(count, 1)
    known = np.asarray(count > 0)
    if not known.any():
        return known
    offset = np.abs(mean - np.median(mean[known]))
    return np.asarray(known & (offset <= CLIP_SIGMA * MAD_TO_SIGMA * np.median(offset[known])))

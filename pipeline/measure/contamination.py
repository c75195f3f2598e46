"""How much of a star's variation its neighbours can make, as a number.

Light of neighbours in an aperture does no harm to a ratio of fluxes as long as it stays the same.
It changes with the seeing and with errors of positions. With c the light of all neighbours in the
aperture over the star's own::

    by_width     half the change of ln(1 + c) between a FWHM WIDTH_SPREAD times smaller and larger
    by_distance  change of ln(1 + c) where each neighbour moves by POSITION_ERROR_PX, in quadrature

for a Moffat profile; ``total`` is the quadratic sum. That is an estimate from one image. Where the
PSFs of all exposures are known (``contamination_over``), ``by_width`` is the standard deviation of
ln(1 + c) over them: the reference is the sharpest exposure, and a neighbour that it shows apart lies in
the aperture in the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from pipeline.measure.spectra import NO_POSITIONS

WIDTH_SPREAD = 1.25  # seeing of a campaign: rms 25 % about its median
POSITION_ERROR_PX = 0.1
N_RADII, N_ANGLES = 8, 16  # nodes of the integral over an aperture: right to 1e-4 of the light
DEFAULT_BETA = 2.5  # Moffat index where it cannot be measured
BETA_RANGE = (1.5, 6.0)
FIT_RADIUS_FWHM = 2.5  # of the profile that the PSF is fitted to
N_PROFILE_STARS = 12
FINE_PX, FAR_PX = 0.05, 30.0  # steps of the table of light over distance, and where they grow


@dataclass(frozen=True)
class Moffat:
    """A round PSF."""

    fwhm_px: float
    beta: float

    def alpha_px(self, spread: float = 1.0) -> float:
        """Core radius for a FWHM that is ``spread`` times as large."""
        return float(spread * self.fwhm_px / (2 * np.sqrt(2 ** (1 / self.beta) - 1)))


@dataclass(frozen=True)
class Contamination:
    """What neighbours do to the flux of each star; every array has shape (star,)."""

    share: np.ndarray  # [1], light of neighbours in the aperture over the star's own
    by_width: np.ndarray  # [ln]
    by_distance: np.ndarray  # [ln]

    @property
    def total(self) -> np.ndarray:
        """Change of ln F that neighbours make, [ln]."""
        return np.asarray(np.hypot(self.by_width, self.by_distance))


def contamination(
    xy: np.ndarray,
    flux: np.ndarray,
    psf: Moffat,
    radius_px: float,
    *,
    others_xy: np.ndarray = NO_POSITIONS,
    others_flux: np.ndarray | None = None,
) -> Contamination:
    """What neighbours do to aperture fluxes.

    Parameters
    ----------
    xy : ndarray, shape (star, 2)
        Positions [pix].
    flux : ndarray, shape (star,)
        In any unit; a star of flux 0 or less has infinite contamination if it has neighbours.
    psf : Moffat
    radius_px : float
        Of the aperture.
    others_xy, others_flux : ndarray, shapes (other, 2) and (other,)
        Sources that contaminate but are not asked about: the bright standard.

    Examples
    --------
    >>> psf = Moffat(fwhm_px=4.25, beta=2.5)
    >>> pair = contamination(np.array([(0, 0), (12, 0)]), np.array([1.0, 0.1]), psf, 4.5)
    >>> bool(pair.total[0] < pair.total[1])  # the faint star suffers more
    True
    """
    distance, ratio, dark = _neighbours(xy, flux, others_xy, others_flux)
    spoiled = dark & (ratio > 0).any(axis=1)

    def relative(spread: float = 1.0, shift_px: float = 0.0) -> np.ndarray:
        """Light of each neighbour over the star's own, (star, source)."""
        light = light_in_aperture(np.abs(distance + shift_px), radius_px, psf, spread)
        return np.asarray(ratio * light / share_within(radius_px, psf, spread))

    share = relative().sum(axis=1)
    wide, narrow = (
        np.log1p(relative(spread).sum(axis=1)) for spread in (WIDTH_SPREAD, 1 / WIDTH_SPREAD)
    )
    moved = (relative(shift_px=POSITION_ERROR_PX) - relative(shift_px=-POSITION_ERROR_PX)) / 2
    by_distance = np.sqrt((moved**2).sum(axis=1)) / (1 + share)
    return Contamination(
        *(np.where(spoiled, np.inf, one) for one in (share, np.abs(wide - narrow) / 2, by_distance))
    )


def contamination_over(
    xy: np.ndarray,
    flux: np.ndarray,
    psfs: Sequence[Moffat],
    radius_px: float,
    *,
    others_xy: np.ndarray = NO_POSITIONS,
    others_flux: np.ndarray | None = None,
) -> Contamination:
    """What neighbours do to aperture fluxes over the exposures of a campaign.

    Parameters
    ----------
    xy, flux, radius_px, others_xy, others_flux
        As for ``contamination``.
    psfs : sequence of Moffat
        Of the exposures, two or more.

    Examples
    --------
    >>> xy, flux = np.array([(0, 0), (12, 0)]), np.array([1.0, 0.1])
    >>> seeing = [Moffat(fwhm, 2.5) for fwhm in (3.0, 4.0, 7.0)]
    >>> bool(contamination_over(xy, flux, seeing, 4.5).total[1] > 0.1)
    True
    """
    distance, ratio, dark = _neighbours(xy, flux, others_xy, others_flux)
    shares, moves = [], []
    for psf in psfs:
        own = share_within(radius_px, psf)
        outer, here, inner = (
            ratio * light_by_distance(np.abs(distance + shift), radius_px, psf) / own
            for shift in (POSITION_ERROR_PX, 0.0, -POSITION_ERROR_PX)
        )
        shares.append(here.sum(axis=1))
        moves.append(np.sqrt((((outer - inner) / 2) ** 2).sum(axis=1)) / (1 + shares[-1]))
    share = np.array(shares)
    by_width = np.log1p(share).std(axis=0, ddof=1)
    by_distance = np.sqrt((np.array(moves) ** 2).mean(axis=0))
    spoiled = dark & (ratio > 0).any(axis=1)
    return Contamination(
        *(np.where(spoiled, np.inf, one) for one in (share.mean(axis=0), by_width, by_distance))
    )


def _neighbours(
    xy: np.ndarray, flux: np.ndarray, others_xy: np.ndarray, others_flux: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances and light over the star's own, (star, source); whether a star is dark, (star,)."""
    sources = np.vstack([xy, others_xy])
    lights = np.concatenate([flux, np.empty(0) if others_flux is None else others_flux])
    lights = np.where(lights > 0, lights, 0.0)
    distance = np.hypot(*(np.asarray(xy)[:, None] - sources).transpose(2, 0, 1))
    itself = np.arange(len(sources)) == np.arange(len(xy))[:, None]
    dark = ~(np.asarray(flux) > 0)  # NaN as well
    ratio = np.where(itself, 0.0, lights / np.where(dark, 1.0, flux)[:, None])
    return distance, ratio, dark


def share_within(radius_px: float, psf: Moffat, spread: float = 1.0) -> float:
    """Share of a star's light in an aperture about it, in closed form."""
    return float(1 - (1 + (radius_px / psf.alpha_px(spread)) ** 2) ** (1 - psf.beta))


def light_in_aperture(
    distance_px: np.ndarray, radius_px: float, psf: Moffat, spread: float = 1.0
) -> np.ndarray:
    """Share of a star's light in an aperture so far from it, shape of ``distance_px``."""
    nodes, weights = np.polynomial.legendre.leggauss(N_RADII)
    radius = radius_px * (nodes + 1) / 2
    angle = 2 * np.pi * (np.arange(N_ANGLES) + 0.5) / N_ANGLES
    x, y = np.outer(radius, np.cos(angle)), np.outer(radius, np.sin(angle))
    area = np.outer(weights * radius_px / 2 * radius, np.full(N_ANGLES, 2 * np.pi / N_ANGLES))
    alpha = psf.alpha_px(spread)
    square = (distance_px[..., None, None] - x) ** 2 + y**2
    density = (psf.beta - 1) / (np.pi * alpha**2) * (1 + square / alpha**2) ** -psf.beta
    return np.asarray((density * area).sum(axis=(-2, -1)))


def light_by_distance(distance_px: np.ndarray, radius_px: float, psf: Moffat) -> np.ndarray:
    """``light_in_aperture`` to 1e-3 of a star's light, from a table: for all pairs of many sources."""
    near = np.arange(0.0, FAR_PX, FINE_PX)
    farthest = max(float(distance_px.max(initial=0.0)), 2 * FAR_PX)
    table_px = np.append(near, np.geomspace(FAR_PX, farthest, len(near)))
    light = light_in_aperture(table_px, radius_px, psf)
    return np.asarray(np.interp(distance_px, table_px, light))


def core_light(image: np.ndarray, xy: np.ndarray, radius_px: float) -> np.ndarray:
    """Sum of an image above 0 within a radius of positions, shape (source,); NaN counts as 0."""
    reach = int(np.ceil(radius_px)) + 1
    padded = np.pad(np.nan_to_num(image, nan=0.0), reach)
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    light = np.empty(len(xy))
    ny, nx = image.shape
    for index, (x, y) in enumerate(xy):
        column, row = int(np.clip(round(x), 0, nx - 1)), int(np.clip(round(y), 0, ny - 1))
        stamp = padded[row : row + 2 * reach + 1, column : column + 2 * reach + 1]
        light[index] = stamp[np.hypot(dx + column - x, dy + row - y) <= radius_px].sum()
    return light


def measure_moffat(image: np.ndarray, xy: np.ndarray, fwhm_px: float) -> Moffat:
    """The Moffat profile of the brightest stars of an image that have no neighbour.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Above the background, NaN: no data.
    xy : ndarray, shape (source, 2)
    fwhm_px : float
        A first estimate; returned, with a usual index, where no profile can be fitted.
    """
    reach = FIT_RADIUS_FWHM * fwhm_px
    apart = np.hypot(*(xy[:, None] - xy).transpose(2, 0, 1)) + np.diag(np.full(len(xy), np.inf))
    alone = np.flatnonzero(apart.min(axis=1) > 1.5 * reach)
    chosen = alone[
        np.argsort(-core_light(image, xy[alone], fwhm_px), kind="stable")[:N_PROFILE_STARS]
    ]
    radii, values = [], []
    for x, y in xy[chosen]:
        distance, value = pixels_about(image, x, y, reach)
        peak = np.median(value[distance <= 1]) if (distance <= 1).any() else 0.0
        if peak > 0:
            radii.append(distance)
            values.append(value / peak)
    start = Moffat(fwhm_px, DEFAULT_BETA)
    if not radii:
        return start
    radius, value = np.concatenate(radii), np.concatenate(values)

    def misfit(parameters: np.ndarray) -> np.ndarray:
        peak, ln_fwhm, beta, level = parameters
        alpha = Moffat(np.exp(ln_fwhm), beta).alpha_px()
        return np.asarray(peak * (1 + (radius / alpha) ** 2) ** -beta + level - value)

    low = [0.1, np.log(fwhm_px / 3), BETA_RANGE[0], -0.1]
    high = [10.0, np.log(fwhm_px * 3), BETA_RANGE[1], 0.1]
    fit = scipy.optimize.least_squares(
        misfit,
        [1.0, np.log(fwhm_px), DEFAULT_BETA, 0.0],
        bounds=(low, high),
        loss="soft_l1",
        f_scale=0.02,
    )
    return Moffat(float(np.exp(fit.x[1])), float(fit.x[2]))


def pixels_about(
    image: np.ndarray, x: float, y: float, reach_px: float
) -> tuple[np.ndarray, np.ndarray]:
    """Distances and values (pix,) of the spaxels with data within a radius of a place."""
    ny, nx = image.shape
    columns = np.arange(max(0, int(x - reach_px)), min(nx, int(x + reach_px) + 2))
    rows = np.arange(max(0, int(y - reach_px)), min(ny, int(y + reach_px) + 2))[:, None]
    distance, value = np.hypot(columns - x, rows - y), image[rows, columns]
    inside = (distance <= reach_px) & np.isfinite(value)
    return distance[inside], value[inside]


def contamination_in_image(
    image: np.ndarray,
    xy: np.ndarray,
    bright_xy: np.ndarray,
    *,
    fwhm_px: float,
    radius_px: float,
) -> Contamination:
    """Contamination of the stars of an image by each other and by the bright standard.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Above the background, NaN: no data.
    xy : ndarray, shape (star, 2)
        Positions [pix].
    bright_xy : ndarray, shape (other, 2)
        Of what contaminates only.
    fwhm_px : float
        A first estimate of the stars' width; NaN: none, the aperture's radius is taken.
    radius_px : float
        Of the aperture.
    """
    psf = measure_moffat(image, xy, fwhm_px if np.isfinite(fwhm_px) else radius_px)
    return contamination(
        xy,
        core_light(image, xy, psf.fwhm_px),
        psf,
        radius_px,
        others_xy=bright_xy,
        others_flux=core_light(image, bright_xy, psf.fwhm_px),
    )

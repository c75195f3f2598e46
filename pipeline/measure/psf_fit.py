"""The PSF of one exposure, learned from its own stars at a few wavelengths.

At each knot in wavelength: the shares of the Gaussian components (fitted to all stars together), a
width, and a shift of all positions (refraction). Over the field: the width relative to its mean is
a polynomial of the place, the same at all wavelengths. Each star may lie a little beside its given
position. All of it comes from the images at the knots, averages of a few layers each. Width
and shift are parabolas in wavelength, shares are straight lines.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy

from pipeline.measure.psf_field import FieldPsf, WidthSurface, fit_surface
from pipeline.measure.psf_model import (
    FWHM_PER_SIGMA,
    RELATIVE_SIGMA,
    component_images,
    star_images,
)
from pipeline.measure.psf_system import (
    System,
    Windows,
    build_system,
    fitted_plane,
    solve_fluxes,
)

N_ITERATIONS = 4
N_START = 10  # brightest stars, for a first estimate of the width
START_FWHM_PX = np.array([2.2, 2.8, 3.5, 4.3, 5.2, 6.2, 7.5, 9.0])
MAX_STARS = 40  # from which the PSF is measured: the brightest
CORE_PX, RIM_PX = 3.0, 1.5  # of a window: where a first look counts light, and sky
NEIGHBOUR_SNR = 5.0  # a fainter one does not bend the PSF
MIN_SNR = 20.0  # of a star from which the PSF is measured
ISOLATION_SHARE = 0.02  # of a star's own light at most from others in its window
POSITION_PRIOR_PX = 0.05  # errors of positions that come from matched catalogues
MAX_STEP = 0.3  # of ln width, in one iteration
STEP_PX = 0.02  # for derivatives along x and y
STEP_LN_WIDTH = 0.01
N_PARABOLA = 3
MIN_VARIANCE = 1e-12  # of a step: nothing is known better than to a millionth
TINY = 1e-300  # keeps a division by nothing from failing


@dataclass(frozen=True)
class KnotImages:
    """Mean images about the knots in wavelength."""

    wave_aa: np.ndarray  # (knot,)
    data: np.ndarray  # (knot, source, pix), 0 where there are no data
    noise: np.ndarray  # (knot, source, pix), standard deviation; infinite where there are no data


@dataclass(frozen=True)
class _Steps:
    """What the residuals of one iteration ask for, each (knot, source)."""

    ln_width: np.ndarray
    shift: np.ndarray  # (knot, source, 2)
    information: np.ndarray  # of ln width: inverse variance
    information_shift: np.ndarray  # of x and of y
    snr: np.ndarray
    purity: np.ndarray  # share of light of others in the window, relative to the star's own


def fit_psf(
    windows: Windows, xy: np.ndarray, knots: KnotImages, candidates: np.ndarray
) -> FieldPsf:
    """The PSF that describes the stars best.

    Parameters
    ----------
    windows : Windows
    xy : ndarray, shape (source, 2)
    knots : KnotImages
    candidates : ndarray of bool, shape (source,)
        Sources that may tell the PSF: no neighbours that are only to be fitted along.
    """
    rows = _bright(windows, knots, candidates)
    few, candidates, places = windows.of(rows), candidates[rows], xy[rows]
    knots = KnotImages(knots.wave_aa, knots.data[:, rows], knots.noise[:, rows])
    psf = _start(few, places, knots, candidates)
    for iteration in range(N_ITERATIONS):
        systems = [build_system(few, *psf.at(knot, places)) for knot in range(len(knots.wave_aa))]
        steps = _steps(few, places, knots, psf, systems)
        chosen = _chosen(steps, candidates)
        psf = _updated(psf, places, steps, chosen, widths=iteration <= N_ITERATIONS // 2)
        psf = replace(psf, shares=_shares(few, places, knots, psf, chosen))
    return psf.extended(len(xy), rows)


def _bright(windows: Windows, knots: KnotImages, candidates: np.ndarray) -> np.ndarray:
    """Rows of the brightest candidates, and of what shines into their windows."""
    distance = np.hypot(windows.offsets.x, windows.offsets.y)
    core, rim = distance <= CORE_PX, distance > distance.max() - RIM_PX
    data, noise = knots.data, np.where(np.isfinite(knots.noise), knots.noise, 0.0)
    level = np.median(data[:, :, rim], axis=2, keepdims=True)
    light = (data - level)[:, :, core].sum(axis=(0, 2))
    error = np.sqrt((noise[:, :, core] ** 2).sum(axis=(0, 2)))
    snr = np.divide(light, error, out=np.zeros_like(light), where=error > 0)
    order = np.argsort(-np.where(candidates, snr, -np.inf), kind="stable")
    best = order[: min(MAX_STARS, int(candidates.sum()))]
    best = best[snr[best] >= min(MIN_SNR, snr[best[min(2, len(best) - 1)]])]
    beside = windows.other[np.isin(windows.window, best)]
    return np.unique(np.concatenate([best, beside[snr[beside] > NEIGHBOUR_SNR]]))


def _start(windows: Windows, xy: np.ndarray, knots: KnotImages, candidates: np.ndarray) -> FieldPsf:
    """One round profile of the width that leaves the least of the brightest stars."""
    n_knots = len(knots.wave_aa)
    start_share = np.zeros(len(RELATIVE_SIGMA))
    start_share[[1, 2]] = 0.5
    middle = n_knots // 2
    light = np.where(candidates, np.abs(knots.data[middle].sum(axis=1)), 0.0)
    brightest = np.argsort(-light, kind="stable")[:N_START]
    left = []
    for fwhm in START_FWHM_PX:
        width = np.full(len(xy), fwhm / FWHM_PER_SIGMA)
        system = build_system(windows, xy, width, start_share)
        rest = _residual(system, windows, knots.data[middle][..., None])[0][..., 0]
        left.append(np.sqrt((system.weight * rest**2)[brightest].sum(axis=1)).sum())
    sigma = START_FWHM_PX[int(np.argmin(left))] / FWHM_PER_SIGMA
    return FieldPsf(
        knots.wave_aa,
        np.full(n_knots, sigma),
        np.tile(start_share, (n_knots, 1)),
        np.zeros((n_knots, 2)),
        WidthSurface.flat(xy),
        np.zeros_like(xy),
    )


def _residual(
    system: System, windows: Windows, data: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the fit leaves (source, pix, layer), the fluxes, and the light of others in each window."""
    flux = solve_fluxes(system, windows, data)
    others = np.zeros_like(data)
    np.add.at(
        others, windows.window, system.pair_image[:, :, None] * flux[windows.other][:, None, :]
    )
    rest = data - system.image[:, :, None] * flux[:, None, :] - others
    coefficient = np.matmul(system.plane, rest)
    basis = np.stack([np.ones(len(windows.offsets.x)), windows.offsets.x, windows.offsets.y])
    rest = rest - np.einsum("ibl,bp->ipl", coefficient, basis)
    return np.where(windows.valid[:, :, None], rest, 0.0), flux, others


def _steps(
    windows: Windows, xy: np.ndarray, knots: KnotImages, psf: FieldPsf, systems: list[System]
) -> _Steps:
    """Changes of width and position that each star's residual asks for, by linear least squares."""
    n_knots, n_sources = knots.data.shape[:2]
    step = np.zeros((n_knots, n_sources, 3))
    information = np.zeros((n_knots, n_sources, 3))
    snr, purity = np.zeros((2, n_knots, n_sources))
    for knot, system in enumerate(systems):
        rest, flux, others = _residual(system, windows, knots.data[knot][..., None])
        weight, flux = system.weight, flux[:, 0]
        design = flux[:, None, None] * _derivatives(windows, *psf.at(knot, xy), system)
        normal = np.einsum("ikp,ip,ilp->ikl", design, weight, design)
        right = np.einsum("ikp,ip,ip->ik", design, weight, rest[..., 0])
        scale = np.trace(normal, axis1=1, axis2=2)
        safe = normal + (1e-9 * scale + (scale <= 0))[:, None, None] * np.eye(4)
        step[knot] = np.linalg.solve(safe, right[..., None])[:, 1:, 0]
        noise = np.where(np.isfinite(knots.noise[knot]), knots.noise[knot], 0.0)
        level = np.sqrt((weight * noise**2).sum(axis=1) / np.maximum(weight.sum(axis=1), TINY))
        inverse = np.diagonal(np.linalg.inv(safe), axis1=1, axis2=2)[:, 1:]
        usable = (level > 0) & (scale > 0)
        spread = np.maximum(inverse * level[:, None] ** 2, MIN_VARIANCE)
        information[knot] = np.where(usable[:, None], 1 / spread, 0.0)
        own = np.sqrt((weight * system.image**2).sum(axis=1))
        np.divide(flux * own, level, out=snr[knot], where=usable)
        light = np.abs(flux) * system.image.max(axis=1)
        purity[knot] = np.abs(others[..., 0]).max(axis=1) / np.maximum(light, TINY)
    return _Steps(
        np.clip(step[..., 0], -MAX_STEP, MAX_STEP),
        np.clip(step[..., 1:], -1.0, 1.0),
        information[..., 0],
        information[..., 1],
        snr,
        purity,
    )


def _derivatives(
    windows: Windows, xy: np.ndarray, sigma_px: np.ndarray, shares: np.ndarray, system: System
) -> np.ndarray:
    """Image, and its derivatives by ln width, x and y, less their planes; (source, 4, pix)."""
    shift = xy - windows.centre

    def image(dx: float = 0.0, dy: float = 0.0, ln_width: float = 0.0) -> np.ndarray:
        return star_images(
            windows.offsets, shift + np.array([dx, dy]), sigma_px * np.exp(ln_width), shares
        )

    e = STEP_LN_WIDTH
    parts = [
        system.image,
        (image(ln_width=e) - image(ln_width=-e)) / (2 * e),
        (image(dx=STEP_PX) - image(dx=-STEP_PX)) / (2 * STEP_PX),
        (image(dy=STEP_PX) - image(dy=-STEP_PX)) / (2 * STEP_PX),
    ]
    return np.stack([part - fitted_plane(windows, system.plane, part) for part in parts], axis=1)


def _chosen(steps: _Steps, candidates: np.ndarray) -> np.ndarray:
    """Rows of the stars that determine the PSF: bright, with little light of others in their windows."""
    snr = np.sqrt((np.clip(steps.snr, 0, None) ** 2).sum(axis=0))
    for isolation, limit in ((ISOLATION_SHARE, MIN_SNR), (np.inf, MIN_SNR), (np.inf, 0.0)):
        good = candidates & (snr > limit) & (steps.purity.max(axis=0) < isolation)
        if good.sum() >= 3 or (good.any() and limit == 0.0):
            break
    if not good.any():
        good = candidates
    brightest = np.argsort(-np.where(good, snr, -1.0), kind="stable")[: min(good.sum(), MAX_STARS)]
    return np.sort(brightest)


def _updated(
    psf: FieldPsf, xy: np.ndarray, steps: _Steps, chosen: np.ndarray, *, widths: bool
) -> FieldPsf:
    """The PSF with width, shifts and offsets moved as the chosen stars ask."""
    information = steps.information[:, chosen]
    mean = _weighted(steps.ln_width[:, chosen], information)
    shift = np.stack(
        [
            _weighted(steps.shift[:, chosen, axis], steps.information_shift[:, chosen])
            for axis in (0, 1)
        ],
        axis=1,
    )
    every = np.maximum(steps.information, TINY)
    local = ((steps.ln_width - mean[:, None]) * every).sum(axis=0) / every.sum(axis=0)
    ln_width = (psf.width.at(xy) + local)[chosen]
    width = fit_surface(xy[chosen], ln_width, information.sum(axis=0))
    every = np.maximum(steps.information_shift, TINY)
    aside = ((steps.shift - shift[:, None]) * every[..., None]).sum(axis=0) / every.sum(axis=0)[
        :, None
    ]
    # what the residual says against the prior that positions are right to POSITION_PRIOR_PX
    trust = every.sum(axis=0) / (every.sum(axis=0) + POSITION_PRIOR_PX**-2)
    target = psf.offset_px + aside
    offset = np.clip(target * trust[:, None], -4 * POSITION_PRIOR_PX, 4 * POSITION_PRIOR_PX)
    ln_sigma = _smoothed(psf.wave_aa, np.log(psf.sigma_px) + mean)
    return replace(
        psf,
        sigma_px=np.exp(ln_sigma) if widths else psf.sigma_px,
        shift_px=_smoothed(psf.wave_aa, psf.shift_px + shift),
        offset_px=offset,
        width=width,
    )


def _weighted(values: np.ndarray, information: np.ndarray) -> np.ndarray:
    """Mean over stars, none of which counts for more than a tenth of the median's hundredfold."""
    ceiling = 100 * np.median(information, axis=1, keepdims=True)
    weight = np.minimum(information, np.where(ceiling > 0, ceiling, np.inf)) + TINY
    return np.asarray((values * weight).sum(axis=1) / weight.sum(axis=1))


def _shares(
    windows: Windows, xy: np.ndarray, knots: KnotImages, psf: FieldPsf, chosen: np.ndarray
) -> np.ndarray:
    """Shares of the components (knot, component), not negative, fitted to the chosen stars.

    Each changes linearly with wavelength from a value at the first knot to one at the last: single
    knots do not tell the extent of a halo from the level of the sky.
    """
    place = _position(knots.wave_aa)
    triangles = []
    for knot in range(len(place)):
        design, own = _share_equations(windows, xy, knots, psf, chosen, knot)
        both = np.hstack([(1 - place[knot]) * design, place[knot] * design])
        triangles.append(np.linalg.qr(np.column_stack([both, own]), mode="r"))
    stacked = np.vstack(triangles)
    norm = np.linalg.norm(stacked[:, :-1], axis=0) + TINY
    solution = scipy.optimize.nnls(stacked[:, :-1] / norm, stacked[:, -1])[0] / norm
    first, last = solution.reshape(2, -1)
    shares = np.outer(1 - place, first) + np.outer(place, last)
    total = shares.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(shares, total, out=psf.shares.copy(), where=total > 0))


def _share_equations(
    windows: Windows,
    xy: np.ndarray,
    knots: KnotImages,
    psf: FieldPsf,
    chosen: np.ndarray,
    knot: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted images of the components, (star * pix, component), and of the stars, at a knot."""
    places, width, old = psf.at(knot, xy)
    system = build_system(windows, places, width, old)
    rest, flux, _ = _residual(system, windows, knots.data[knot][..., None])
    light = np.where(flux[:, 0] > 0, flux[:, 0], 1.0)[chosen]
    images = component_images(windows.offsets, (places - windows.centre)[chosen], width[chosen])
    own = rest[chosen, :, 0] / light[:, None]
    own += _levelled(windows, system, chosen, system.image[chosen])
    level = np.where(np.isfinite(knots.noise[knot]), knots.noise[knot], 0.0)[chosen]
    noise = np.sqrt((level**2).mean(axis=1)) / light
    # no star counts for more than thirty of the usual ones
    variance = noise**2 + 1e-3 * np.median(noise) ** 2 + 1e-12
    scale = np.sqrt(system.weight[chosen] / variance[:, None])
    design = [
        scale * _levelled(windows, system, chosen, images[:, component])
        for component in range(images.shape[1])
    ]
    return np.stack(design, axis=-1).reshape(-1, len(design)), (scale * own).ravel()


def _position(wave_aa: np.ndarray) -> np.ndarray:
    """Where the knots lie between the first (0) and the last (1)."""
    return np.asarray((wave_aa - wave_aa[0]) / max(np.ptp(wave_aa), TINY))


def _smoothed(wave_aa: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values (knot, ...) on a parabola in wavelength."""
    if len(wave_aa) <= N_PARABOLA:
        return values
    design = np.vander(_position(wave_aa), N_PARABOLA)
    return np.asarray(design @ np.linalg.lstsq(design, values, rcond=None)[0])


def _levelled(windows: Windows, system: System, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values (row, pix) of some windows less the plane that the background takes up."""
    return np.asarray(values - fitted_plane(windows, system.plane[rows], values))

"""Places and fluxes of overlapping sources, fitted together to an image.

Gauss-Newton on the spaxels about all sources. DAOFIND's centroids of a close pair lie up to a pixel or two
off, so that places have a prior of that kind about where they were found.
"""

import numpy as np
import scipy

from pipeline.measure.contamination import Moffat
from pipeline.measure.crowding import Light, rendered

N_ITERATIONS = 5
WINDOW_FWHM = 1.25  # radius of the spaxels about a source that are fitted
PLACE_PRIOR_FWHM = 0.15  # 1 sigma of a place, in FWHM of the image
MAX_STEP_FWHM, MAX_SHIFT_FWHM = 0.15, 0.8
MODEL_ERROR = 0.03  # of the light in a spaxel: the PSF is not quite that
RENDER_FWHM = 5.0


def fit_sources(image: np.ndarray, light: Light, psf: Moffat, *, noise: float) -> Light:
    """The sources with places and fluxes that together describe the image best.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Above the background, NaN: no data.
    light : Light
        A first estimate.
    psf : Moffat
        Of the image.
    noise : float
        Standard deviation of the background.
    """
    xy, flux = light.xy.copy(), light.flux.copy()
    step, reach = MAX_STEP_FWHM * psf.fwhm_px, MAX_SHIFT_FWHM * psf.fwhm_px
    for _ in range(N_ITERATIONS):
        model = rendered(Light(xy, flux), psf, image.shape, reach_fwhm=RENDER_FWHM)
        change = _change(image - model, model, Light(xy, flux), light.xy, psf, noise)
        moved = xy + np.clip(change[:, 1:], -step, step) * (flux > 0)[:, np.newaxis]
        xy = light.xy + np.clip(moved - light.xy, -reach, reach)
        flux = np.maximum(flux + change[:, 0], 0.0)
    return Light(xy, flux)


def _change(
    left: np.ndarray,
    model: np.ndarray,
    light: Light,
    start_xy: np.ndarray,
    psf: Moffat,
    noise: float,
) -> np.ndarray:
    """Changes (source, 3) of flux, x and y that the residual asks for."""
    n, size = len(light.xy), left.size
    design, used = _design(light, psf, left.shape)
    rows = np.flatnonzero(used & np.isfinite(left).ravel())
    weight = 1 / (noise**2 + (MODEL_ERROR * model.ravel()[rows]) ** 2)
    chosen = scipy.sparse.csc_matrix(design, shape=(size, 3 * n))[rows]
    weighted = chosen.multiply(weight[:, np.newaxis]).T
    normal = np.asarray((weighted @ chosen).todense())
    right = weighted @ left.ravel()[rows]
    prior = np.full(n, (PLACE_PRIOR_FWHM * psf.fwhm_px) ** -2)
    diagonal = np.diag(normal).reshape(n, 3)
    add = np.column_stack([1e-6 * diagonal[:, 0] + (diagonal[:, 0] <= 0), prior, prior])
    right = right.reshape(n, 3)
    right[:, 1:] -= prior[:, np.newaxis] * (light.xy - start_xy)
    solved = np.linalg.solve(normal + np.diag(add.ravel()), right.ravel())
    return np.asarray(solved.reshape(n, 3))


def _design(
    light: Light, psf: Moffat, shape: tuple[int, ...]
) -> tuple[tuple[np.ndarray, tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """Derivatives by flux, x and y of each source as a sparse matrix; which spaxels are fitted."""
    radius = WINDOW_FWHM * psf.fwhm_px
    reach = int(np.ceil(2 * radius))  # neighbours shine into each other's spaxels
    dy, dx = (one.ravel() for one in np.mgrid[-reach : reach + 1, -reach : reach + 1])
    centre = np.rint(light.xy).astype(int)
    x, y = centre[:, :1] + dx, centre[:, 1:] + dy
    inside = (x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])
    ax, ay = x - light.xy[:, :1], y - light.xy[:, 1:]
    alpha = psf.alpha_px()
    square = 1 + (ax**2 + ay**2) / alpha**2
    image = (psf.beta - 1) / (np.pi * alpha**2) * square**-psf.beta
    slope = light.flux[:, np.newaxis] * 2 * psf.beta / alpha**2 * image / square
    values = np.stack([image, slope * ax, slope * ay], axis=1)  # (source, 3, pix)
    index = np.where(inside, y * shape[1] + x, 0)
    columns = np.arange(3 * len(light.xy)).reshape(-1, 3, 1)
    row, column, mask = np.broadcast_arrays(index[:, np.newaxis], columns, inside[:, np.newaxis])
    used = np.zeros(shape[0] * shape[1], bool)
    used[index[inside & (ax**2 + ay**2 <= radius**2)]] = True
    return (values[mask], (row[mask], column[mask])), used

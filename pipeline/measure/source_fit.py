"""Places and fluxes of overlapping sources, fitted together to an image.

Gauss-Newton on the spaxels about all sources. DAOFIND's centroids of a close pair lie up to a pixel or two
off, so that places have a prior of that kind about where they were found.
"""

from dataclasses import dataclass

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
RIDGE = 1e-6  # of the diagonal: two sources at one place


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
    step, reach = MAX_STEP_FWHM * psf.fwhm_px, MAX_SHIFT_FWHM * psf.fwhm_px
    found = light
    for _ in range(N_ITERATIONS):
        equations = _Equations.of(image, found, psf, noise)
        places = equations.shift(found.xy - light.xy, PLACE_PRIOR_FWHM * psf.fwhm_px)
        moved = found.xy + np.clip(places, -step, step) * (found.flux > 0)[:, np.newaxis]
        found = Light(light.xy + np.clip(moved - light.xy, -reach, reach), found.flux)
        found = Light(found.xy, _Equations.of(image, found, psf, noise).fluxes(found.flux))
    return found


@dataclass(frozen=True)
class _Equations:
    """Normal equations of flux, x and y of each source, in this order, about an estimate."""

    normal: np.ndarray  # (source, 3, source, 3)
    right: np.ndarray  # (source, 3), of the residual

    @classmethod
    def of(cls, image: np.ndarray, light: Light, psf: Moffat, noise: float) -> "_Equations":
        """Of the spaxels about the sources."""
        model = rendered(light, psf, image.shape, reach_fwhm=RENDER_FWHM)
        left, n = image - model, len(light.xy)
        design, used = _design(light, psf, image.shape)
        rows = np.flatnonzero(used & np.isfinite(left).ravel())
        weight = 1 / (noise**2 + (MODEL_ERROR * model.ravel()[rows]) ** 2)
        chosen = scipy.sparse.csc_matrix(design, shape=(left.size, 3 * n))[rows]
        weighted = chosen.multiply(weight[:, np.newaxis]).T
        normal = np.asarray((weighted @ chosen).todense())
        right = np.asarray(weighted @ left.ravel()[rows])
        return cls(normal.reshape(n, 3, n, 3), right.reshape(n, 3))

    def shift(self, aside: np.ndarray, prior_px: float) -> np.ndarray:
        """(source, 2) changes of places, which are ``aside`` of where a prior has them."""
        n = len(aside)
        diagonal = np.diagonal(self.normal.reshape(3 * n, 3 * n)).reshape(n, 3)
        of_flux = RIDGE * diagonal[:, 0] + (diagonal[:, 0] <= 0)
        prior = np.full(n, prior_px**-2)
        added = np.column_stack([of_flux, prior, prior]).ravel()
        right = self.right.copy()
        right[:, 1:] -= prior[:, np.newaxis] * aside
        solved = np.linalg.solve(self.normal.reshape(3 * n, 3 * n) + np.diag(added), right.ravel())
        return np.asarray(solved.reshape(n, 3)[:, 1:])

    def fluxes(self, flux: np.ndarray) -> np.ndarray:
        """(source,) fluxes of 0 or more; two sources at one place share no more than its light."""
        normal = self.normal[:, 0, :, 0]
        right = self.right[:, 0] + normal @ flux
        diagonal = np.diag(normal)
        scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        scaled = normal / np.outer(scale, scale) + RIDGE * np.eye(len(flux))
        scaled[diagonal <= 0, diagonal <= 0] = 1.0
        root = np.linalg.cholesky(scaled)
        target = scipy.linalg.solve_triangular(root, right / scale, lower=True)
        return np.asarray(scipy.optimize.nnls(root.T, target)[0] / scale)


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

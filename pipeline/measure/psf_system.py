"""The linear part of PSF photometry: fluxes of all sources and the background under each window.

Each source has a window: the spaxels about it. In window i the data are::

    d_i = sum over sources j of F_j P_ij + b_i0 + b_i1 dx + b_i2 dy

with P_ij the share of the light of j in its spaxels. Fluxes are shared by all windows, so that
neighbours are fitted together; the plane b_i is the window's own. Least squares with the planes
eliminated leaves one equation for each source. The weights of the spaxels are those of the star's
own image, 1 / (P / max P + FLOOR), the same function for bright and faint stars: what a PSF that
is not quite right does to a flux is then the same for all, and cancels in a ratio.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.measure.psf_model import Offsets, star_images

FLOOR = 0.25  # of the peak: between a plain sum (small) and the optimum for faint stars (large)
RIDGE = 1e-9  # of the diagonal: two sources at one place share their light


@dataclass(frozen=True)
class Windows:
    """Where the windows lie and which sources shine into them."""

    offsets: Offsets
    index: np.ndarray  # (source, pix), flat y * nx + x; 0 off the image
    valid: np.ndarray  # (source, pix) bool, on the image and with data
    centre: np.ndarray  # (source, 2) int, central spaxel (x, y)
    window: np.ndarray  # (pair,), a window i and another source j that shines into it
    other: np.ndarray  # (pair,)

    def of(self, rows: np.ndarray) -> "Windows":
        """The windows of some of the sources, in increasing order, and the pairs among them."""
        new = np.full(len(self.index), -1)
        new[rows] = np.arange(len(rows))
        kept = (new[self.window] >= 0) & (new[self.other] >= 0)
        return Windows(
            self.offsets,
            self.index[rows],
            self.valid[rows],
            self.centre[rows],
            new[self.window[kept]],
            new[self.other[kept]],
        )


@dataclass(frozen=True)
class System:
    """Everything that follows from the PSF and the weights alone, at one wavelength."""

    image: np.ndarray  # (source, pix), own light of each source in its window
    pair_image: np.ndarray  # (pair, pix), light of the other source
    weight: np.ndarray  # (source, pix), 0 where there are no data
    own_row: np.ndarray  # (source, pix), of the normal equations
    pair_row: np.ndarray  # (pair, pix), of the other source's equation, from this window
    inverse: np.ndarray  # (source, source), of the normal matrix
    plane: np.ndarray  # (source, 3, pix), background coefficients of what is given


def build_windows(
    xy: np.ndarray, radius_px: float, reach_px: float, shape: tuple[int, ...]
) -> Windows:
    """Windows about sources, and the pairs that must be fitted together.

    Parameters
    ----------
    xy : ndarray, shape (source, 2)
        Finite positions [pix].
    radius_px : float
        Of the windows.
    reach_px : float
        Beyond which the light of a source is smooth enough to be background.
    shape : (ny, nx)
    """
    ny, nx = shape
    offsets = Offsets.within(radius_px)
    centre = np.rint(xy).astype(int)
    column, row = centre[:, :1] + offsets.x, centre[:, 1:] + offsets.y
    valid = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
    index = np.where(valid, row * nx + column, 0)
    distance = np.hypot(*(xy[:, None] - xy).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    window, other = np.nonzero(distance < radius_px + reach_px)
    return Windows(offsets, index, valid, centre, window, other)


def build_system(
    windows: Windows, xy: np.ndarray, sigma_px: np.ndarray, shares: np.ndarray
) -> System:
    """Images, weights and normal equations for a PSF.

    Parameters
    ----------
    xy : ndarray, shape (source, 2)
    sigma_px : ndarray, shape (source,)
        Local width of each source.
    shares : ndarray, shape (component,)
    """
    shift = xy - windows.centre
    image = star_images(windows.offsets, shift, sigma_px, shares)
    window, other = windows.window, windows.other
    pair_shift = xy[other] - windows.centre[window]
    pair_image = star_images(windows.offsets, pair_shift, sigma_px[other], shares)
    weight = windows.valid / (image / image.max(axis=1, keepdims=True) + FLOOR)
    plane = _plane(windows, weight)
    own_row = weight * (image - fitted_plane(windows, plane, image))
    pair_row = weight[window] * (pair_image - fitted_plane(windows, plane[window], pair_image))
    normal = np.zeros((len(xy), len(xy)))
    np.fill_diagonal(normal, (own_row * image).sum(axis=1))
    np.add.at(normal, (window, other), (own_row[window] * pair_image).sum(axis=1))
    np.add.at(normal, (other, window), (pair_row * image[window]).sum(axis=1))
    np.add.at(normal, (other, other), (pair_row * pair_image).sum(axis=1))
    _add_third_parties(normal, windows, pair_row, pair_image)
    diagonal = np.diag(normal).copy()
    np.fill_diagonal(normal, np.where(diagonal > 0, diagonal * (1 + RIDGE), 1.0))
    return System(image, pair_image, weight, own_row, pair_row, np.linalg.inv(normal), plane)


def _plane(windows: Windows, weight: np.ndarray) -> np.ndarray:
    """Weighted least-squares plane in each window, as coefficients of the data."""
    basis = np.stack([np.ones(len(windows.offsets.x)), windows.offsets.x, windows.offsets.y])
    weighted = weight[:, None, :] * basis
    square = weighted @ basis.T
    empty = weight.sum(axis=1) == 0
    square[empty] = np.eye(3)
    square += RIDGE * np.eye(3) * np.trace(square, axis1=1, axis2=2)[:, None, None]
    return np.asarray(np.linalg.solve(square, weighted))


def fitted_plane(windows: Windows, plane: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The plane fitted to values (window, pix), on the same spaxels."""
    coefficient = np.einsum("ibp,ip->ib", plane, values)
    one, slope_x, slope_y = coefficient.T[:, :, None]
    return np.asarray(one + slope_x * windows.offsets.x + slope_y * windows.offsets.y)


def _add_third_parties(
    normal: np.ndarray, windows: Windows, pair_row: np.ndarray, pair_image: np.ndarray
) -> None:
    """Terms of two different other sources in one window."""
    for window in np.unique(windows.window):
        rows = np.flatnonzero(windows.window == window)
        if len(rows) > 1:
            products = pair_row[rows] @ pair_image[rows].T
            np.fill_diagonal(products, 0.0)
            normal[np.ix_(windows.other[rows], windows.other[rows])] += products


def solve_fluxes(system: System, windows: Windows, data: np.ndarray) -> np.ndarray:
    """Fluxes of all sources, shape (source, layer).

    Parameters
    ----------
    data : ndarray, shape (source, pix, layer)
        In the windows; 0 where there are none.
    """
    right = np.matmul(system.own_row[:, None, :], data)[:, 0]
    if len(windows.window):
        pairs = np.matmul(system.pair_row[:, None, :], data[windows.window])[:, 0]
        np.add.at(right, windows.other, pairs)
    return np.asarray(system.inverse @ right)

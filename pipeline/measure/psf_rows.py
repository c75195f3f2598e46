"""Fluxes within a radius as weights on the data, once the PSF is known."""

from dataclasses import dataclass

import numpy as np

from pipeline.measure.psf_field import FieldPsf
from pipeline.measure.psf_model import light_within
from pipeline.measure.psf_system import System, Windows, build_system

TINY = 1e-300


@dataclass(frozen=True)
class Rows:
    """Weights that make fluxes of data, at one knot; targets come first among the sources."""

    system: System
    data: np.ndarray  # (target, aperture, pix), of the data in the own window
    flux: np.ndarray  # (target, aperture, source), of the joint fluxes, to be subtracted
    effective: np.ndarray  # (target, aperture, pix), of both together, for the variance
    inside: np.ndarray  # (target, aperture, pix) bool, within the radius
    light: np.ndarray  # (target, aperture, pix), share of the light within the radius
    scale: np.ndarray  # (aperture,), light of the field's mean PSF within the radius


def build_rows(
    windows: Windows,
    psf: FieldPsf,
    knot: int,
    xy: np.ndarray,
    radii_px: np.ndarray,
    n_targets: int,
) -> Rows:
    """Weights for the light within each radius of each target at a knot in wavelength.

    With u = w P within the radius and 0 beyond, b the plane of the joint fit and F_j its fluxes::

        F = u . (d - sum over others of F_j P_j - b) / u . P
    """
    places, width, shares = psf.at(knot, xy)
    system = build_system(windows, places, width, shares)
    image = system.image[:n_targets, None]
    inside = _distance(windows, places)[:n_targets, None] <= radii_px[:, None]
    u = np.where(inside, system.weight[:n_targets, None] * image, 0.0)
    norm = np.maximum((u * image).sum(axis=2, keepdims=True), TINY)
    u = u / norm
    basis = np.stack([np.ones(len(windows.offsets.x)), windows.offsets.x, windows.offsets.y])
    on_plane = np.einsum("sap,bp->sab", u, basis)
    data = u - np.matmul(on_plane, system.plane[:n_targets])
    flux = np.zeros((n_targets, len(radii_px), len(xy)))
    own = np.matmul(system.plane[:n_targets], system.image[:n_targets, :, None])
    flux[np.arange(n_targets), :, np.arange(n_targets)] = -np.matmul(on_plane, own)[..., 0]
    effective = data.copy()
    for target in range(n_targets):
        pairs = np.flatnonzero(windows.window == target)
        others = windows.other[pairs]
        flux[target][:, others] = data[target] @ system.pair_image[pairs].T
        involved = np.append(others, target)
        rows = np.vstack([system.pair_row[pairs], system.own_row[target]])
        effective[target] -= (flux[target] @ system.inverse[:, involved]) @ rows
    light = np.where(inside, image, 0.0)
    light = light / np.maximum(light.sum(axis=2, keepdims=True), TINY)
    scale = light_within(radii_px, float(psf.sigma_px[knot]), shares)
    return Rows(system, data, flux, effective, inside, light, scale)


def _distance(windows: Windows, places: np.ndarray) -> np.ndarray:
    """Distance of the spaxels of each window from its source (source, pix) [pix]."""
    shift = places - windows.centre
    x, y = windows.offsets.x - shift[:, :1], windows.offsets.y - shift[:, 1:]
    return np.asarray(np.hypot(x, y))


def fit_with_gaps(
    windows: Windows, rows: Rows, target: int, data: np.ndarray, good: np.ndarray
) -> np.ndarray:
    """Light (aperture,) of one target in one layer from the spaxels that have data.

    Parameters
    ----------
    target : int
    data : ndarray, shape (pix,)
        In its window, less the light of the others.
    good : ndarray of bool, shape (pix,)
    """
    image = rows.system.image[target]
    weight = np.where(good, rows.system.weight[target], 0.0)
    design = np.stack([image, np.ones(len(image)), windows.offsets.x, windows.offsets.y], axis=1)
    if np.count_nonzero(good) < 2 * design.shape[1]:
        return np.full(len(rows.scale), np.nan)
    root = np.sqrt(weight)
    solution = np.linalg.lstsq(root[:, None] * design, root * data, rcond=None)[0]
    u = np.where(rows.inside[target], weight * image, 0.0)
    norm = u @ image
    level = data - design[:, 1:] @ solution[1:]
    return np.asarray(np.where(norm > 0, u @ level / np.maximum(norm, TINY), np.nan))

"""Fluxes of the stars from their signal-to-noise ratios.

The reference exposure's band SNR at one radius is a known function of all fluxes at once: a
neighbour adds light and noise to an aperture. Newton's method inverts it.
"""

import numpy as np

from pipeline.muse.circles import circle_overlap
from pipeline.simulation.scene import Scene

SNR_RADIUS_PX = 4.5
_TOLERANCE = 1e-10
_MAX_STEPS = 50


def band_weights(scene: Scene, band: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Weight of each layer in the band's mean flux density, sum 1; 0 where there is no light."""
    wave_aa, weight = band
    weights = np.interp(scene.wave_aa, wave_aa, weight, left=0.0, right=0.0) * scene.lit
    return np.asarray(weights / weights.sum())


def aperture(
    shape: tuple[int, int], xy: np.ndarray, radius_px: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the spaxels whose centres lie within a circle; may be empty."""
    rows, columns = (
        np.arange(max(0, int(centre - radius_px)), min(size, int(centre + radius_px) + 2))
        for centre, size in ((xy[1], shape[0]), (xy[0], shape[1]))
    )
    inside = np.hypot(columns[None, :] - xy[0], rows[:, None] - xy[1]) <= radius_px
    row, column = np.nonzero(inside)
    return rows[row], columns[column]


def aperture_weights(
    shape: tuple[int, int], xy: np.ndarray, radius_px: float, method: str
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Spaxels of a circular aperture and the share of each that counts; may be empty.

    Parameters
    ----------
    shape : (y, x) of the image
    xy : ndarray, shape (2,)
        Centre [pix].
    radius_px : float
    method : str
        "center": spaxels whose centre lies within the circle count in full, as in ``aperture``; any
        other name: by the area inside the circle.

    Returns
    -------
    where : (rows, columns)
    weights : ndarray, shape (spaxel,)
    """
    if method == "center":
        where = aperture(shape, xy, radius_px)
        return where, np.ones(where[0].size)
    column, row, area = circle_overlap(float(xy[0]), float(xy[1]), radius_px)
    inside = (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
    return (row[inside], column[inside]), area[inside]


def fluxes_for_snr(
    scene: Scene, star_xy: np.ndarray, snr: np.ndarray, band: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Flux of every source at 8000 Angstrom [cube unit], the standard (flux 1) last.

    Parameters
    ----------
    scene : Scene
        The exposure in which the ratios hold.
    star_xy : ndarray, shape (star, 2)
        Positions in that exposure [pix].
    snr : ndarray, shape (star,)
        sum(T F) / sqrt(sum(T^2 V)) within ``SNR_RADIUS_PX``, expected without noise.
    band : (wave_aa, weight)
        Passband T.

    Raises
    ------
    ValueError
        If no set of positive fluxes has these ratios.
    """
    weights = band_weights(scene, band)
    n = len(snr)
    light, noise = np.zeros((n, n + 1)), np.zeros((n, n + 1))  # aperture x source, for flux 1
    masks = [aperture(scene.transmission.shape, xy, SNR_RADIUS_PX) for xy in star_xy]
    for j, source in enumerate(scene.sources):
        for target, layer_weights, factor in (
            (light, weights, scene.transmission),
            (noise, weights**2 / scene.electrons, scene.transmission * scene.noise_factor),
        ):
            image = np.zeros(factor.shape)
            image[source.where] = scene.summed(source, layer_weights)
            image *= factor
            target[:, j] = [np.nansum(image[mask]) for mask in masks]
    sky = scene.sky_image(weights)
    background = scene.noise_factor * (weights**2 @ scene.background_variance)
    light_0 = light[:, n] + [np.nansum(sky[mask]) for mask in masks]
    noise_0 = noise[:, n] + [np.nansum(background[mask]) for mask in masks]

    own = np.diag(light)
    fluxes = snr**2 * np.diag(noise) / own**2 + snr * np.sqrt(noise_0) / own
    for _ in range(_MAX_STEPS):
        signal, variance = light[:, :n] @ fluxes + light_0, noise[:, :n] @ fluxes + noise_0
        miss = signal - snr * np.sqrt(variance)
        slope = light[:, :n] - (snr / (2 * np.sqrt(variance)))[:, None] * noise[:, :n]
        step = np.linalg.solve(slope, miss)
        fluxes = np.maximum(fluxes - step, 1e-3 * fluxes)
        if np.abs(miss).max() <= _TOLERANCE * np.abs(signal).min() and (fluxes > 0).all():
            return np.append([_rounded(flux) for flux in fluxes], 1.0)
    raise ValueError(f"no fluxes found for the given ratios; last misses {miss}")


def _rounded(flux: float) -> float:
    """To ten digits: the last bits depend on how a linear-algebra library splits its sums."""
    return float(f"{flux:.10g}")

"""Expected electrons on a CCD: lamps that fill the field evenly, and stars that do not.

Every pixel receives the integral of a photon density between its wavelength edges, times the
share of the source's light that its patch of the field catches.
"""

from dataclasses import dataclass

import numpy as np
import scipy

from pipeline.muse import geometry
from pipeline.simulation.raw.optics import NY, Channel, PixelMaps, slice_positions
from pipeline.simulation.raw.spectra import GRID_AA, GRID_STEP_AA, cumulative

GAUSSIANS = 12  # of the mixture that stands for a Moffat profile
MIN_WEIGHT = 1e-5  # Gaussians of less weight are left out
REACH_PX = 40.0  # a star's light beyond this is not drawn
COARSE_ROWS = 32  # the image of a star changes over hundreds of rows; linear in between
ARCSEC_PER_RADIAN = 206264.806
PIXEL_ARCSEC = 0.2


@dataclass(frozen=True)
class RawScene:
    """What the telescope sees in one exposure, on ``wave_aa``; electrons, not magnitudes."""

    wave_aa: np.ndarray  # (wave,), increasing
    x_field_px: np.ndarray  # (star,), from the field centre along the slices
    y_field_px: np.ndarray  # (star,), across the slices
    star_electrons: np.ndarray  # (star, wave), whole star [e-/Angstrom]
    sky_electrons: np.ndarray  # (wave,), per spaxel of 0.04 arcsec2 [e-/Angstrom]
    fwhm_px: np.ndarray  # (wave,), Moffat profile
    beta: float  # Moffat index
    shift_x_px: np.ndarray  # (wave,), differential refraction along the slices
    shift_y_px: np.ndarray  # (wave,), across the slices
    response: np.ndarray  # (24, 48), channel x slice in sky order, relative to the calibrations


def uniform_light(maps: PixelMaps, density: np.ndarray) -> np.ndarray:
    """Expected electrons of a source that fills the field, shape (NY, NX).

    Parameters
    ----------
    density : ndarray
        On ``spectra.GRID_AA`` [e-/Angstrom/spaxel].
    """
    integral = cumulative(density)
    position = (maps.wave_edge_aa - np.float32(GRID_AA[0])) * np.float32(1 / GRID_STEP_AA)
    index = np.clip(position.astype(np.int32), 0, len(GRID_AA) - 2)
    part = position - index
    below_edge = integral[index] * (1 - part) + integral[index + 1] * part
    return np.asarray(np.diff(below_edge, axis=0).astype(np.float32) * maps.sensitivity)


def sky_frame(scene: RawScene, channel: Channel, maps: PixelMaps) -> np.ndarray:
    """Expected electrons of stars and night sky on a channel's CCD, shape (NY, NX)."""
    sky, gx, gy = slice_positions(channel.number)
    frame = uniform_light(maps, _on_grid(scene, scene.sky_electrons))
    _apply_response(frame, scene, channel, sky)
    for x, y, electrons in zip(
        scene.x_field_px, scene.y_field_px, scene.star_electrons, strict=True
    ):
        integral = cumulative(_on_grid(scene, electrons))
        near = (np.abs(gy - y) < REACH_PX) & (
            np.abs(gx - x) < geometry.SLICE_WIDTH_PX / 2 + REACH_PX
        )
        for s in np.flatnonzero(near).tolist():
            columns = channel.columns(s)
            edges = maps.wave_edge_aa[:, columns - 1].astype(float)
            light = np.diff(np.interp(edges, GRID_AA, integral), axis=0)
            light *= _star_share(scene, channel, s, (gx[s] - x, gy[s] - y), columns)
            light *= maps.sensitivity[:, columns - 1]
            frame[:, columns - 1] += light * scene.response[channel.number - 1, sky[s] - 1]
    return frame


def _on_grid(scene: RawScene, values: np.ndarray) -> np.ndarray:
    return np.asarray(np.interp(GRID_AA, scene.wave_aa, values, left=0.0, right=0.0))


def _apply_response(frame: np.ndarray, scene: RawScene, channel: Channel, sky: np.ndarray) -> None:
    for s in range(geometry.N_SLICES):
        columns = channel.columns(s)
        frame[:, columns - 1] *= np.float32(scene.response[channel.number - 1, sky[s] - 1])


def _star_share(
    scene: RawScene, channel: Channel, s: int, offset_px: tuple[float, float], columns: np.ndarray
) -> np.ndarray:
    """Share of a star's light in each pixel of a slice, shape (NY, column).

    Computed on every 32nd row and interpolated: over that height the star moves by less than
    0.02 pixels on the slice (fan-out, refraction), and the error is of second order in it.
    """
    rows = np.append(np.arange(1, NY, COARSE_ROWS), NY).astype(float)
    y = rows[:, None]
    centre, width = channel.centre(s, y), channel.full_width(s, y)
    field_per_column = geometry.SLICE_WIDTH_PX / width
    # x in the field decreases with the column: the recipes' convention, found by experiment
    x = offset_px[0] - (columns[None, :] - centre) * field_per_column
    wave = channel.wavelength(s, centre, y)[:, 0]
    dx = x - np.interp(wave, scene.wave_aa, scene.shift_x_px)[:, None]
    dy = (offset_px[1] - np.interp(wave, scene.wave_aa, scene.shift_y_px))[:, None]
    fwhm = np.interp(wave, scene.wave_aa, scene.fwhm_px)[:, None]
    share = np.zeros_like(dx)
    half_row = geometry.ROW_HEIGHT_PX / 2
    for weight, sigma_per_fwhm in moffat_as_gaussians(scene.beta):
        sigma = sigma_per_fwhm * fwhm
        along = scipy.special.ndtr((dx + field_per_column / 2) / sigma) - scipy.special.ndtr(
            (dx - field_per_column / 2) / sigma
        )
        across = scipy.special.ndtr((dy + half_row) / sigma) - scipy.special.ndtr(
            (dy - half_row) / sigma
        )
        share += weight * along * across
    upper = np.clip(np.searchsorted(rows, np.arange(1, NY + 1)), 1, len(rows) - 1)
    part = ((np.arange(1, NY + 1) - rows[upper - 1]) / (rows[upper] - rows[upper - 1]))[:, None]
    return np.asarray(share[upper - 1] * (1 - part) + share[upper] * part)


def moffat_as_gaussians(beta: float) -> list[tuple[float, float]]:
    """Weights and sigmas [FWHM] of the Gaussians whose sum is a Moffat profile of unit light.

    (1 + r2/a2)^-beta is the mean of exp(-t r2/a2) over a gamma distribution of t; generalised
    Gauss-Laguerre quadrature turns the mean into a sum.
    """
    alpha = 1 / (2 * np.sqrt(2 ** (1 / beta) - 1))
    nodes, weights = scipy.special.roots_genlaguerre(GAUSSIANS, beta - 2)
    weights = weights / weights.sum()
    return [
        (float(weight), float(alpha / np.sqrt(2 * node)))
        for node, weight in zip(nodes, weights, strict=True)
        if weight > MIN_WEIGHT
    ]


def refraction_arcsec(
    wave_aa: np.ndarray,
    airmass: float,
    *,
    temperature_c: float,
    humidity_percent: float,
    pressure_hpa: float,
    reference_aa: float = 7000.0,
) -> np.ndarray:
    """Differential refraction towards the zenith, 0 at the reference (Filippenko 1982, PASP 94)."""
    pressure_mmhg = pressure_hpa * 0.750062
    saturation = 10 ** (8.07131 - 1730.63 / (233.426 + temperature_c))  # [mmHg], Antoine's equation
    vapour = humidity_percent / 100 * saturation

    def index(wave: np.ndarray) -> np.ndarray:
        inverse2 = (1e4 / wave) ** 2
        dry = 64.328 + 29498.1 / (146 - inverse2) + 255.4 / (41 - inverse2)
        dry *= pressure_mmhg * (1 + (1.049 - 0.0157 * temperature_c) * 1e-6 * pressure_mmhg)
        dry /= 720.883 * (1 + 0.003661 * temperature_c)
        wet = vapour * (0.0624 - 0.000680 * inverse2) / (1 + 0.003661 * temperature_c)
        return np.asarray((dry - wet) * 1e-6)

    tangent = np.sqrt(airmass**2 - 1)
    difference = index(np.asarray(wave_aa, float)) - index(np.array(reference_aa))
    return np.asarray(ARCSEC_PER_RADIAN * difference * tangent)

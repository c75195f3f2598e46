"""How well counted photons determine a star's flux: the truth that STAT is held against."""

import numpy as np

from pipeline.simulation.instrument import SAMPLING_AA
from pipeline.simulation.psf import Profile
from pipeline.simulation.raw import spectra
from pipeline.simulation.raw.detector import PORTS
from pipeline.simulation.raw.exposure import RawScene
from pipeline.simulation.raw.scene import Conditions


def band_error(
    scene: RawScene, conditions: Conditions, band: tuple[np.ndarray, np.ndarray], radius_px: float
) -> np.ndarray:
    """Relative error of every star's mean flux density in a passband, shape (star,).

    Photons of the star in a circular aperture, of the sky under it, and read-out noise of the
    pixels; the calibrations are taken as noiseless, resampling as harmless. A measured flux is
    the sum of W(wave) n(wave) / r(wave), n electrons and r electrons per unit of flux density.

    Parameters
    ----------
    band : (wave_aa, weight)
        Knots of the passband W.
    radius_px : float
        Aperture [0.2 arcsec].
    """
    wave = scene.wave_aa
    per_unit = np.interp(wave, spectra.GRID_AA, spectra.electrons_per_unit_aa(conditions.mode))
    weight = np.interp(wave, *band, left=0.0, right=0.0) / np.maximum(
        per_unit, per_unit.max() / 1e6
    )
    inside = np.array(
        [1 - Profile(float(fwhm), scene.beta).light_beyond(radius_px) for fwhm in scene.fwhm_px]
    )
    area = np.pi * radius_px**2
    read_noise = float(np.mean([port.read_noise for port in PORTS]))
    dark = area * (scene.sky_electrons + read_noise**2 / SAMPLING_AA)  # [e-/Angstrom]
    star = scene.star_electrons * inside
    step = np.gradient(wave)
    signal = (star * weight * step).sum(axis=1)
    variance = ((star + dark) * weight**2 * step).sum(axis=1)
    return np.asarray(np.sqrt(variance) / signal)

"""Spectra of what shines into the instrument while it calibrates: lamps and twilight.

A spectrum is a photon density [e-/Angstrom/spaxel] on ``GRID_AA``; pixels see its integral
between their edges, so that no photon is lost or counted twice however narrow a line is.
Wavelengths are in air.
"""

import numpy as np
import scipy

from pipeline.muse.modes import MODES
from pipeline.simulation import instrument
from pipeline.simulation.raw.lamps import arc_lines

GRID_STEP_AA = 0.05
GRID_AA = np.arange(4100.0, 9900.0, GRID_STEP_AA)
LSF_FWHM_AA = 2.2  # of the optics; with the pixels, lines are 2.3 A wide, as in real solutions
FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))
LEAK = 0.03  # of the light that passes where the filters block it
FILTER_EDGE_AA = 5.0  # sigma of the edges of the blue and notch filters
# Levels of the lamps [e-/Angstrom/spaxel], by what real frames show: lamp flats of 23 300 to 26 200
# counts in the mean over a CCD, twilights of 21 900 to 25 100.
FLAT_LEVEL, TWILIGHT_LEVEL = 40_100.0, 27_000.0


def filter_transmission(mode: str, wave_aa: np.ndarray) -> np.ndarray:
    """Transmission of the blue and notch filters of an instrument mode.

    3 % are left below the first wavelength of a mode, so that slices can be traced to the bottom
    of the CCD, and near the sodium lines in the AO modes: where a flat lamp leaves nothing at all,
    twilight divided by it is so wild that muse_twilight, which sums it up, is wrong about the
    throughput of a channel by up to 77 % (seen with 24 channels in WFM-AO-N).
    """
    wave_aa = np.asarray(wave_aa, float)
    first_aa = MODES[mode].wave_aa[0]
    transmission = LEAK + (1 - LEAK) * scipy.special.ndtr((wave_aa - first_aa) / FILTER_EDGE_AA)
    if (notch := MODES[mode].notch_aa) is not None:
        low, high = notch
        inside = scipy.special.ndtr((wave_aa - low) / FILTER_EDGE_AA) * scipy.special.ndtr(
            (high - wave_aa) / FILTER_EDGE_AA
        )
        transmission *= 1 - (1 - LEAK) * inside
    return np.asarray(transmission)


def electrons_per_unit_aa(mode: str) -> np.ndarray:
    """Electrons per second and Angstrom on ``GRID_AA`` that one cube unit yields, no atmosphere."""
    ideal = instrument.electrons_per_unit(GRID_AA, step_aa=1.0, exptime_s=1.0)
    return np.asarray(ideal * filter_transmission(mode, GRID_AA))


def cumulative(density: np.ndarray) -> np.ndarray:
    """Integral of a density on ``GRID_AA`` from the grid's start (trapezoids) [e-]."""
    return np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * GRID_STEP_AA)])


def line_density(lines: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Density of Gaussian lines of the instrument's width, given as (Angstrom, flux in e-)."""
    sigma = LSF_FWHM_AA / FWHM_PER_SIGMA
    density = np.zeros_like(GRID_AA)
    for wave_aa, flux in lines:
        near = np.abs(GRID_AA - wave_aa) < 8 * sigma
        shape = np.exp(-0.5 * ((GRID_AA[near] - wave_aa) / sigma) ** 2)
        density[near] += flux * shape / (sigma * np.sqrt(2 * np.pi))
    return density


def relative_throughput(mode: str) -> np.ndarray:
    """Efficiency of the instrument on ``GRID_AA`` over its peak value."""
    per_photon = electrons_per_unit_aa(mode) / GRID_AA
    return np.asarray(per_photon / per_photon.max())


def flat_lamp(mode: str) -> np.ndarray:
    """Continuum lamp."""
    colour = (1 + 0.1 * np.sin(GRID_AA / 700.0)) / (1 + np.exp(-(GRID_AA - 5200.0) / 600.0))
    colour *= 0.7 + 0.3 * np.exp(-0.5 * ((GRID_AA - 7000.0) / 1500.0) ** 2)
    return np.asarray(FLAT_LEVEL * colour * relative_throughput(mode))


def arc_lamp(lamp: str, mode: str) -> np.ndarray:
    """Arc lamp: ``HgCd``, ``Ne`` or ``Xe``, on a faint continuum."""
    lines = tuple((line.wave_aa, line.flux) for line in arc_lines(lamp))
    return np.asarray(line_density(lines) * relative_throughput(mode) + 0.3)


def twilight(mode: str) -> np.ndarray:
    """Evening sky."""
    colour = 1.2 - 0.2 * (GRID_AA - 4750.0) / 4600.0
    return np.asarray(TWILIGHT_LEVEL * colour * relative_throughput(mode))

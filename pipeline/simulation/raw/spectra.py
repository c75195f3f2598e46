"""Spectra of what shines into the instrument while it calibrates: lamps and twilight.

A spectrum is a photon density [e-/Angstrom/spaxel] on ``GRID_AA``; pixels see its integral
between their edges, so that no photon is lost or counted twice however narrow a line is.
Wavelengths are in air.
"""

import numpy as np
from scipy.special import ndtr

from pipeline.muse.modes import MODES
from pipeline.simulation import instrument

GRID_STEP_AA = 0.05
GRID_AA = np.arange(4100.0, 9900.0, GRID_STEP_AA)
LSF_FWHM_AA = 2.5  # of the instrument at 7000 A
FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))
LEAK = 0.03  # of the light that passes where the filters block it
FILTER_EDGE_AA = 5.0  # sigma of the edges of the blue and notch filters
# Relative line strengths per arc lamp: (Angstrom, strength[, ion])
HG_CD = (
    *((4678.149, 60.0), (4799.912, 80.0), (5085.822, 100.0), (5460.735, 150.0)),
    *((5769.598, 40.0), (5790.663, 42.0), (6438.470, 120.0)),
)
HG_LINES_AA = (5460.735, 5769.598, 5790.663)  # the others of that lamp are cadmium's
NEON = (
    *((5330.778, 5.0), (5341.094, 8.0), (5400.562, 12.0), (5764.419, 5.0), (5852.488, 60.0)),
    *((5881.895, 30.0), (5944.834, 40.0), (5975.534, 15.0), (6029.997, 15.0), (6074.338, 40.0)),
    *((6096.163, 60.0), (6128.450, 8.0), (6143.063, 80.0), (6163.594, 35.0), (6217.281, 35.0)),
    *((6266.495, 50.0), (6304.789, 30.0), (6334.428, 60.0), (6382.991, 70.0), (6402.248, 120.0)),
    *((6506.528, 80.0), (6532.882, 35.0), (6598.953, 50.0), (6678.276, 80.0), (6717.043, 50.0)),
    *((6929.467, 70.0), (7032.413, 100.0), (7173.938, 30.0), (7245.167, 80.0), (7438.898, 30.0)),
    *((7488.871, 15.0), (7535.774, 15.0), (7943.181, 8.0), (8082.458, 8.0), (8300.325, 15.0)),
    *((8377.607, 30.0), (8418.427, 10.0), (8495.360, 20.0), (8591.259, 10.0), (8634.647, 15.0)),
    *((8654.383, 30.0), (8780.621, 15.0), (8853.867, 12.0), (8919.501, 8.0), (9148.672, 8.0)),
    *((9201.759, 8.0), (9300.853, 7.0)),
)
XENON = (
    *((4734.152, 30.0), (4807.019, 20.0), (4916.507, 15.0), (4923.152, 15.0), (7119.598, 15.0)),
    *((7642.024, 15.0), (7802.651, 5.0), (7967.342, 10.0), (8057.258, 10.0), (8061.339, 8.0)),
    *((8206.336, 20.0), (8231.634, 100.0), (8280.116, 90.0), (8346.822, 40.0), (8409.189, 25.0)),
    *((8648.54, 8.0), (8739.372, 10.0), (8819.411, 100.0), (8862.32, 10.0), (8930.83, 12.0)),
    *((8952.251, 40.0), (9045.446, 30.0), (9162.652, 30.0), (9374.76, 8.0), (9513.377, 8.0)),
)
ARC_LINES = {"HgCd": HG_CD, "Ne": NEON, "Xe": XENON}
ARC_COUNTS_PER_STRENGTH = 625.0  # line flux [e-]; the brightest peaks near 30 000 e-


def filter_transmission(mode: str, wave_aa: np.ndarray) -> np.ndarray:
    """Transmission of the blue and notch filters of an instrument mode.

    3 % are left below the first wavelength of a mode, so that slices can be traced to the bottom
    of the CCD, and near the sodium lines in the AO modes: where a flat lamp leaves nothing at all,
    twilight divided by it is so wild that muse_twilight, which sums it up, is wrong about the
    throughput of a channel by up to 77 % (seen with 24 channels in WFM-AO-N).
    """
    wave_aa = np.asarray(wave_aa, float)
    first_aa = MODES[mode].wave_aa[0]
    transmission = LEAK + (1 - LEAK) * ndtr((wave_aa - first_aa) / FILTER_EDGE_AA)
    if (notch := MODES[mode].notch_aa) is not None:
        low, high = notch
        inside = ndtr((wave_aa - low) / FILTER_EDGE_AA) * ndtr((high - wave_aa) / FILTER_EDGE_AA)
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
    """Continuum lamp, 20 000 e- per pixel at its brightest."""
    colour = (1 + 0.1 * np.sin(GRID_AA / 700.0)) / (1 + np.exp(-(GRID_AA - 5200.0) / 600.0))
    return np.asarray(16_000.0 * colour * relative_throughput(mode))


def arc_lamp(lamp: str, mode: str) -> np.ndarray:
    """Arc lamp: ``HgCd``, ``Ne`` or ``Xe``, on a faint continuum."""
    lines = tuple((wave, flux * ARC_COUNTS_PER_STRENGTH) for wave, flux in ARC_LINES[lamp])
    return np.asarray(line_density(lines) * relative_throughput(mode) + 0.3)


def twilight(mode: str) -> np.ndarray:
    """Evening sky, 10 000 e- per pixel."""
    colour = 1.2 - 0.2 * (GRID_AA - 4750.0) / 4600.0
    return np.asarray(8_000.0 * colour * relative_throughput(mode))

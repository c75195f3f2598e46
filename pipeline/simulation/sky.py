"""Light before it meets the atmosphere: the field stars, the standard, and the night sky itself.

Spectra are flux densities above the atmosphere in the cube's unit, 1e-20 erg/s/cm2/Angstrom (the
sky: per spaxel of 0.04 arcsec2), on ``FINE_WAVE_AA``, already smoothed to the instrument's line
width of 2.5 Angstrom. Cube layers and raw CCD frames are both cut from these.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from pipeline.simulation.draws import stream

FINE_STEP_AA = 0.625  # four points to a line width
FINE_WAVE_AA = np.arange(4560.0, 9400.0 + FINE_STEP_AA / 2, FINE_STEP_AA)
LINE_FWHM_AA = 2.5
PIVOT_AA = 8000.0  # field-star spectra are 1 here

STANDARD_XY = (186.0, 151.0)  # position in the reference frame [pix]
STANDARD_FLUX_5500 = 6.5e6  # V = 11.86: 3.6e-9 erg/s/cm2/A x 10^(-0.4 V), in units of 1e-20
STANDARD_TEFF_K = 9300.0  # LTT 3218 is a DA white dwarf

# Air wavelength [Angstrom], equivalent width [Angstrom] at 5000 K, change of it per 1000 K.
_STELLAR_LINES = (
    (4861.33, 1.5, 1.5),
    (5167.3, 0.9, -0.5),
    (5172.7, 1.2, -0.6),
    (5183.6, 1.4, -0.7),
    (5269.5, 0.9, -0.3),
    (5889.95, 1.1, -0.6),
    (5895.92, 0.9, -0.5),
    (6562.80, 1.4, 1.0),
    (8498.02, 1.4, -0.2),
    (8542.09, 3.3, -0.3),
    (8662.14, 2.7, -0.3),
)
# Balmer lines of the white dwarf: wavelength, central depth, full width (all Angstrom).
_BALMER = ((4861.33, 0.55, 90.0), (6562.80, 0.42, 65.0))
# Airglow (OH Meinel bands, [O I], Na): air wavelength [Angstrom], strength relative to 100 rayleigh.
_SKY_LINES = np.array(
    [
        5577.3, 1.20, 5889.9, 0.15, 5895.9, 0.08, 6300.3, 0.80, 6363.8, 0.27, 6498.7, 0.20,
        6533.0, 0.25, 6553.6, 0.18, 6577.2, 0.15, 6827.5, 0.10, 6834.0, 0.20, 6863.9, 0.30,
        6871.1, 0.12, 6900.8, 0.20, 6923.2, 0.25, 6949.0, 0.12, 7276.4, 0.70, 7284.4, 0.35,
        7303.7, 0.20, 7316.3, 0.80, 7329.1, 0.25, 7340.9, 0.85, 7358.7, 0.25, 7369.2, 0.35,
        7392.2, 0.15, 7401.9, 0.25, 7524.1, 0.10, 7571.7, 0.12, 7712.2, 0.20, 7750.6, 0.80,
        7759.0, 0.40, 7780.4, 0.30, 7794.1, 0.95, 7808.5, 0.30, 7821.5, 1.00, 7841.3, 0.40,
        7853.3, 0.45, 7891.0, 0.15, 7913.7, 0.95, 7949.2, 0.30, 7964.6, 1.00, 7993.3, 0.95,
        8014.1, 0.20, 8025.8, 0.60, 8062.4, 0.40, 8104.6, 0.10, 8288.6, 0.35, 8298.6, 0.35,
        8310.7, 0.50, 8344.6, 1.10, 8353.1, 0.30, 8382.4, 0.50, 8399.2, 1.40, 8415.2, 0.50,
        8430.2, 1.40, 8452.3, 0.60, 8465.4, 0.80, 8493.4, 0.60, 8504.6, 0.50, 8538.7, 0.15,
        8548.7, 0.15, 8649.2, 0.10, 8702.7, 0.10, 8761.2, 0.50, 8767.9, 0.50, 8778.3, 0.50,
        8790.9, 0.60, 8827.1, 1.30, 8836.1, 0.60, 8849.9, 0.60, 8867.6, 1.00, 8885.9, 1.60,
        8903.1, 0.80, 8919.6, 1.60, 8943.4, 0.60, 8957.9, 1.30, 8988.4, 0.70, 9001.6, 0.50,
        9037.9, 0.50, 9049.2, 0.40, 9102.2, 0.20, 9152.0, 0.20, 9201.0, 0.20, 9255.6, 0.30,
        9306.2, 0.70, 9313.0, 1.00, 9337.9, 1.20, 9375.8, 1.30,
    ]
).reshape(-1, 2)  # fmt: skip
_LINE_100R = 1.86e3  # 100 rayleigh at 8000 A on 0.04 arcsec2 [1e-20 erg/s/cm2 = unit x Angstrom]
_DARK_CONTINUUM = 25.0  # dark sky between the lines, 20.7 mag/arcsec2 in I, on 0.04 arcsec2 [unit]


@dataclass(frozen=True)
class SkyEmission:
    """Night sky per spaxel [cube unit] on ``FINE_WAVE_AA``: dark continuum and airglow lines."""

    continuum: np.ndarray
    lines: np.ndarray


@cache  # every exposure of a campaign asks for the same
def star_spectrum(seed: int, star_id: int) -> np.ndarray:
    """Spectrum of a field star above the atmosphere, 1 at ``PIVOT_AA``, on ``FINE_WAVE_AA``.

    A black body of 3600 to 6800 K, drawn for this star, with the strongest lines of a late-type
    star (Hydrogen, Mg b, Na D, the Ca II triplet) whose strengths follow the temperature.
    """
    rng = stream(seed, "star", star_id)
    teff_k = rng.uniform(3600.0, 6800.0)
    metallicity = 10 ** rng.normal(0.0, 0.1)
    spectrum = _black_body(teff_k)
    for wave_aa, width, trend in _STELLAR_LINES:
        equivalent_aa = max(0.1, width + trend * (teff_k - 5000.0) / 1000.0) * metallicity
        sigma = np.hypot(LINE_FWHM_AA, 1.5 + 1.2 * equivalent_aa) / 2.3548
        depth = equivalent_aa / (sigma * np.sqrt(2 * np.pi))
        spectrum *= 1 - min(depth, 0.9) * _gauss(wave_aa, sigma)
    return _kept(spectrum / np.interp(PIVOT_AA, FINE_WAVE_AA, spectrum))


@cache  # every exposure of a campaign asks for the same
def standard_spectrum() -> np.ndarray:
    """Spectrum of the standard above the atmosphere [cube unit] on ``FINE_WAVE_AA``."""
    spectrum = _black_body(STANDARD_TEFF_K)
    spectrum *= STANDARD_FLUX_5500 / np.interp(5500.0, FINE_WAVE_AA, spectrum)
    for wave_aa, depth, width_aa in _BALMER:  # pressure-broadened: Lorentzian wings
        spectrum *= 1 - depth / (1 + ((FINE_WAVE_AA - wave_aa) / (width_aa / 2)) ** 2)
    return _kept(spectrum)


@cache  # every exposure of a campaign asks for the same
def sky_emission() -> SkyEmission:
    """The dark night sky at zenith."""
    sigma = LINE_FWHM_AA / 2.3548
    lines = np.zeros_like(FINE_WAVE_AA)
    for wave_aa, strength in _SKY_LINES:
        lines += strength * _LINE_100R / (sigma * np.sqrt(2 * np.pi)) * _gauss(wave_aa, sigma)
    return SkyEmission(_kept(np.full_like(FINE_WAVE_AA, _DARK_CONTINUUM)), _kept(lines))


def _kept(spectrum: np.ndarray) -> np.ndarray:
    """A spectrum that others are given as well: nobody may change it."""
    spectrum.setflags(write=False)
    return spectrum


def mean_in_bins(spectrum: np.ndarray, wave_aa: np.ndarray, step_aa: float) -> np.ndarray:
    """Mean of a spectrum over each wavelength bin.

    Exact for the piecewise linear spectrum: differences of its running integral.

    Parameters
    ----------
    spectrum : ndarray, shape (n,)
        On ``FINE_WAVE_AA``.
    wave_aa : ndarray, shape (wave,)
        Bin centres.
    step_aa : float
        Width of every bin.
    """
    trapezoids = 0.5 * (spectrum[1:] + spectrum[:-1]) * FINE_STEP_AA
    integral = np.concatenate([[0.0], np.cumsum(trapezoids)])

    def integral_to(edge_aa: np.ndarray) -> np.ndarray:
        position = np.clip((edge_aa - FINE_WAVE_AA[0]) / FINE_STEP_AA, 0, len(spectrum) - 1)
        index = np.minimum(position.astype(int), len(spectrum) - 2)
        part = position - index
        slope = spectrum[index + 1] - spectrum[index]
        return np.asarray(
            integral[index] + FINE_STEP_AA * part * (spectrum[index] + 0.5 * part * slope)
        )

    bins = integral_to(wave_aa + step_aa / 2) - integral_to(wave_aa - step_aa / 2)
    return np.asarray(bins / step_aa)


def _black_body(teff_k: float) -> np.ndarray:
    """Planck's law per wavelength, in arbitrary units."""
    micron = FINE_WAVE_AA * 1e-4
    return np.asarray(micron**-5 / np.expm1(14387.77 / (micron * teff_k)))


def _gauss(wave_aa: float, sigma_aa: float) -> np.ndarray:
    return np.asarray(np.exp(-0.5 * ((FINE_WAVE_AA - wave_aa) / sigma_aa) ** 2))

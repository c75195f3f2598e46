"""Effects of the atmosphere on the light: extinction, telluric bands, seeing, refraction."""

import numpy as np

# Continuum extinction of Paranal [mag per airmass]: Patat et al. 2011, A&A 527, A91, rounded.
_EXTINCTION_WAVE_AA = (4500.0, 5000.0, 5500.0, 6000.0, 6500.0, 7000.0, 8000.0, 9000.0, 9500.0)
_EXTINCTION_MAG = (0.195, 0.151, 0.129, 0.117, 0.080, 0.057, 0.034, 0.026, 0.024)

# Telluric absorption at airmass 1: centre, sigma [Angstrom], optical depth at the instrument's
# resolution: the B and A bands of O2 (two branches each) and three water bands.
_TELLURIC = (
    (6871.0, 5.0, 0.40),
    (6886.0, 14.0, 0.18),
    (7187.0, 22.0, 0.12),
    (7245.0, 25.0, 0.06),
    (7600.0, 6.0, 1.10),
    (7630.0, 18.0, 0.60),
    (8165.0, 20.0, 0.09),
    (8230.0, 32.0, 0.11),
    (8980.0, 45.0, 0.13),
    (9130.0, 60.0, 0.10),
    (9345.0, 50.0, 0.45),
)
_SATURATION = 0.6  # bands of saturated lines grow more slowly than the airmass

SEEING_WAVE_AA = 5000.0  # the DIMM's wavelength
SEEING_SLOPE = -0.2  # Kolmogorov turbulence
AIRMASS_SLOPE = 0.6


def extinction_mag(wave_aa: np.ndarray) -> np.ndarray:
    """Continuum extinction [mag per airmass]."""
    return np.asarray(np.interp(wave_aa, _EXTINCTION_WAVE_AA, _EXTINCTION_MAG))


def haze_transmission(wave_aa: np.ndarray, excess_mag: float, airmass: float) -> np.ndarray:
    """Transmission left when the night's aerosol differs from the mean curve.

    The reduction divides by the mean extinction; what it cannot know is ``excess_mag`` [mag per
    airmass at 5500 Angstrom], which goes as 1/wavelength.
    """
    return np.asarray(10 ** (-0.4 * excess_mag * (5500.0 / wave_aa) * airmass))


def telluric_transmission(wave_aa: np.ndarray, airmass: float) -> np.ndarray:
    """Transmission in the absorption bands of O2 and H2O (not corrected by the reduction)."""
    depth = np.zeros_like(wave_aa)
    for centre_aa, sigma_aa, tau in _TELLURIC:
        depth += tau * np.exp(-0.5 * ((wave_aa - centre_aa) / sigma_aa) ** 2)
    return np.asarray(np.exp(-depth * airmass**_SATURATION))


def seeing_fwhm_arcsec(dimm_arcsec: float, airmass: float, wave_aa: np.ndarray) -> np.ndarray:
    """Seeing along the line of sight at a wavelength."""
    return np.asarray(
        dimm_arcsec * airmass**AIRMASS_SLOPE * (wave_aa / SEEING_WAVE_AA) ** SEEING_SLOPE
    )


def refraction_shape(wave_aa: np.ndarray) -> np.ndarray:
    """Differential refraction relative to 7000 Angstrom, 1 at 4750 Angstrom.

    Follows (n - 1) of air by Edlen's two-term formula; the reduction removes all but a few
    per cent of the shift, which is what an exposure's residual is multiplied with.
    """

    def index(wave: np.ndarray) -> np.ndarray:
        inverse = (1e4 / wave) ** 2
        return np.asarray(2.949810e-2 / (146.0 - inverse) + 2.55400e-4 / (41.0 - inverse))

    pivot, blue = index(np.array(7000.0)), index(np.array(4750.0))
    return np.asarray((index(wave_aa) - pivot) / (blue - pivot))

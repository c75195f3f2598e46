"""MUSE in wide-field mode: grids, sodium notches, efficiency, field of view."""

from dataclasses import dataclass

import numpy as np
import scipy

from pipeline.muse.geometry import SliceAddress, slice_address
from pipeline.muse.modes import MODES

GRID_SHAPE = (304, 315)  # (y, x) of the study's images
SAMPLING_AA = 1.25  # CCD pixel along the spectrum, full sampling of a cube

# The field of view in the image grid of the reference exposure, which cuts off its lowest rows.
# Chosen so that the study's stars 4 and 6 lie on the channels that its text names, and its star 25
# 7.5 px from the last spaxel with data.
FIELD_CENTRE_XY = (152.3, 148.1)
FIELD_ANGLE_DEG = 0.4  # top leans towards small x

READ_NOISE = 2.5  # electrons per CCD pixel, with dark current and digitisation
_AREA_CM2 = 4.86e5  # 8.2 m telescope less its central obscuration
_PHOTON_PER_ERG_AA = 1 / 1.98645e-8  # lambda [Angstrom] / (h c)
_EFFICIENCY_PEAK, _EFFICIENCY_WAVE_AA, _EFFICIENCY_SIGMA_AA = 0.35, 6900.0, 1700.0
_EDGE_NOISE, _EDGE_SCALE_PX = 1.0, 1.5  # fewer CCD pixels feed the outermost spaxels


def wave_grid(mode: str, step_aa: float) -> np.ndarray:
    """Centres of the wavelength bins of a mode [Angstrom]."""
    first, last = MODES[mode].wave_aa
    return first + step_aa * np.arange(int((last - first) / step_aa + 1e-6) + 1)


def has_light(mode: str, wave_aa: np.ndarray) -> np.ndarray:
    """False for the layers whose centre lies in the sodium notch of an AO mode."""
    low, high = MODES[mode].notch_aa or (np.inf, -np.inf)
    return ~((wave_aa >= low) & (wave_aa <= high))


def electrons_per_unit(wave_aa: np.ndarray, step_aa: float, exptime_s: float) -> np.ndarray:
    """Electrons that one cube unit (1e-20 erg/s/cm2/Angstrom) yields in a bin, no atmosphere."""
    efficiency = _EFFICIENCY_PEAK * np.exp(
        -0.5 * ((wave_aa - _EFFICIENCY_WAVE_AA) / _EFFICIENCY_SIGMA_AA) ** 2
    )
    photons = 1e-20 * wave_aa * _PHOTON_PER_ERG_AA * _AREA_CM2 * exptime_s * step_aa
    return np.asarray(efficiency * photons)


def read_variance(step_aa: float) -> float:
    """Electrons squared of detector noise in a bin: one CCD pixel per spaxel and 1.25 Angstrom."""
    return READ_NOISE**2 * step_aa / SAMPLING_AA


@dataclass(frozen=True)
class FieldOfView:
    """Where the field of view lies in the image grid."""

    centre_xy: tuple[float, float]
    angle_deg: float

    def address(self) -> SliceAddress:
        """Channel and slice of every spaxel, shape (y, x); 0 outside the field."""
        y, x = np.indices(GRID_SHAPE, dtype=float)
        angle = np.radians(self.angle_deg)
        dx, dy = x - self.centre_xy[0], y - self.centre_xy[1]
        return slice_address(
            dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        )


def edge_noise_factor(inside: np.ndarray) -> np.ndarray:
    """Factor on the variance, shape (y, x): 1 in the field, growing over the last spaxels."""
    distance = scipy.ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    return np.asarray(1 + _EDGE_NOISE * np.exp(-(distance - 1) / _EDGE_SCALE_PX))


def response_map(address: SliceAddress, channels: np.ndarray, slices: np.ndarray) -> np.ndarray:
    """Response of every spaxel, shape of the address; NaN outside the field."""
    table = channels[:, None] * slices
    inside = address.channel > 0
    row, column = np.where(inside, address.channel - 1, 0), np.where(inside, address.slice - 1, 0)
    return np.where(inside, table[row, column], np.nan)


def probe_shadow() -> np.ndarray:
    """Transmission, shape (y, x), with a guide probe over the lower left corner of the field."""
    y, x = np.indices(GRID_SHAPE, dtype=float)
    depth = 1 / (1 + np.exp((x + y - 110.0) / 15.0))
    return np.asarray(1 - 0.8 * depth)

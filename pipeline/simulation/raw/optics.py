"""Where light of a place in the field and of a wavelength falls on the CCD of a channel.

A channel's CCD shows 48 slices side by side, 4096 x 4112 pixels; wavelength increases upwards.
Wavelengths and tilts of the slices are the observed ones, widths, gaps and slopes have the ranges of
real tracing tables (``ESO QC TRACE``); which slice has which of those is drawn.
CCD coordinates are 1-based with pixel centres on integers, as in the recipes' tables.
"""

from dataclasses import dataclass

import numpy as np
import scipy

from pipeline.muse import geometry
from pipeline.muse.wavelengths import slice_wavelengths

NX, NY = 4096, 4112  # trimmed CCD [pix]
Y_CENTRE, Y_HALF = (NY + 1) / 2, NY / 2  # u = (y - Y_CENTRE) / Y_HALF runs from -1 to 1
EDGE_SIGMA_PX = 0.5  # blur of the slice edges
MEAN_GAP_PX, GAP_SCATTER_PX = 7.17, 0.75  # between slices; real ones are 4.6 to 9.2 pixels
GAP_RANGE_PX = (5.0, 9.0)
# The mean gap of a channel: 7.06 to 7.28 px in real ones, 0.4 times the scatter of 47 gaps that have
# nothing to do with each other
MEAN_GAP_SHARE = 0.4
CHANNEL_THROUGHPUT_SCATTER = 0.02  # lamp flats of the real channels lie within 6 % of each other
WIDTH_CENTRE_PX, WIDENING_PX = 75.0, 4.2  # slices at the edges of the CCD are wider by distortion
OPTICS_SEED, PIXEL_SEED = 1000, 77  # the instrument is the same in every campaign
# Position of the slices on the sky, left to right on the CCD (the instrument's public slice order)
SLICE_ON_SKY = (
    *(9, 8, 1, 10, 7, 2, 11, 6, 3, 12, 5, 4, 21, 20, 13, 22, 19, 14, 23, 18, 15, 24, 17, 16),
    *(33, 32, 25, 34, 31, 26, 35, 30, 27, 36, 29, 28),
    *(45, 44, 37, 46, 43, 38, 47, 42, 39, 48, 41, 40),
)


def slice_positions(channel: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sky number and field position of the slices of a channel, in CCD order.

    Returns
    -------
    sky, x_field_px, y_field_px : ndarray, shape (48,)
        Number on the sky, 1 to 48; centre of the slice from the centre of the field [0.2 arcsec].
    """
    sky = np.array(SLICE_ON_SKY)
    stack, row = (sky - 1) // geometry.SLICES_PER_STACK, (sky - 1) % geometry.SLICES_PER_STACK
    x = (stack + 0.5) * geometry.SLICE_WIDTH_PX - geometry.FIELD_WIDTH_PX / 2
    rows_below = (channel - 1) * geometry.SLICES_PER_STACK + row + 0.5
    y = (rows_below - geometry.N_ROWS / 2) * geometry.ROW_HEIGHT_PX
    return sky, x, y


@dataclass(frozen=True)
class Channel:
    """The optics of one channel; arrays have one entry per slice, in CCD order."""

    number: int
    x_centre: np.ndarray  # CCD column of the slice centre at mid height [pix]
    width: np.ndarray  # full width of the slice [pix]
    widening: np.ndarray  # change of the width from mid height to the top [pix]
    fan: np.ndarray  # linear shift of the centre from mid height to the top [pix]
    bow: np.ndarray  # quadratic shift of the same [pix]
    wave_centre_aa: np.ndarray  # wavelength at mid height
    tilt_bottom_aa: np.ndarray  # left edge minus right edge of the slice, lowest row
    tilt_top_aa: np.ndarray  # the same, highest row
    curve_aa: np.ndarray  # quadratic change from slice centre to edge
    throughput: np.ndarray  # of the slice, times that of the channel

    def u(self, y: np.ndarray) -> np.ndarray:
        """Height on the CCD, -1 at the bottom, 1 at the top."""
        return (y - Y_CENTRE) / Y_HALF

    def centre(self, s: int, y: np.ndarray) -> np.ndarray:
        """CCD column of the centre of slice ``s`` at row ``y`` [pix]."""
        u = self.u(y)
        return np.asarray(self.x_centre[s] + self.fan[s] * u + self.bow[s] * u * u)

    def full_width(self, s: int, y: np.ndarray) -> np.ndarray:
        """Width of slice ``s`` at row ``y`` [pix]."""
        return np.asarray(self.width[s] + self.widening[s] * self.u(y))

    def wavelength(self, s: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Air wavelength at a place in slice ``s`` [Angstrom]."""
        u, v = self.u(y), (x - self.centre(s, y)) / (self.width[s] / 2)
        along = 2565.0 * u + 12.0 * u**2 - 6.0 * u**3
        bottom, top = self.tilt_bottom_aa[s], self.tilt_top_aa[s]
        tilt = (bottom + top) / 2 + (top - bottom) / 2 * u
        across = -tilt / 2 * v + self.curve_aa[s] * v * v
        return np.asarray(self.wave_centre_aa[s] + along + across)

    def columns(self, s: int) -> np.ndarray:
        """CCD columns that slice ``s`` lights: as far as the middle of the gaps beside it."""
        left, right = self.x_centre - self.width / 2, self.x_centre + self.width / 2
        first = (right[s - 1] + left[s]) / 2 if s else left[0] - MEAN_GAP_PX / 2
        last = (right[s] + left[s + 1]) / 2 if s + 1 < len(left) else right[s] + MEAN_GAP_PX / 2
        return np.arange(max(1, np.ceil(first)), min(NX, np.ceil(last) - 1) + 1, dtype=int)


def make_channel(number: int) -> Channel:
    """The optics of channel ``number`` (1 to 24): the same whenever it is asked for."""
    rng = np.random.default_rng(OPTICS_SEED + number)
    width, x_centre = _slices_on_ccd(rng)
    side = (x_centre - NX / 2) / (NX / 2)  # -1 at the left edge of the CCD, 1 at the right
    observed = slice_wavelengths(number)
    return Channel(
        number=number,
        x_centre=x_centre,
        width=width,
        widening=rng.normal(0.2, 0.03, side.size),
        fan=0.9 + 0.55 * side + rng.normal(0, 0.05, side.size),
        bow=0.6 + rng.normal(0, 0.05, side.size),
        wave_centre_aa=observed.middle_aa,
        tilt_bottom_aa=observed.tilt_bottom_aa,
        tilt_top_aa=observed.tilt_top_aa,
        curve_aa=rng.normal(0.8, 0.05, side.size),
        throughput=(1.0 + rng.normal(0, 0.04, side.size))
        * (1.0 + rng.normal(0, CHANNEL_THROUGHPUT_SCATTER)),
    )


def _slices_on_ccd(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Width and centre of the slices [pix], left to right."""
    n = geometry.N_SLICES
    side = np.linspace(-1, 1, n)
    width = WIDTH_CENTRE_PX + WIDENING_PX * side**2 + rng.normal(0, 0.1, n)
    gap = np.clip(rng.normal(MEAN_GAP_PX, GAP_SCATTER_PX, n - 1), *GAP_RANGE_PX)
    gap -= (1 - MEAN_GAP_SHARE) * (gap.mean() - MEAN_GAP_PX)
    steps = (width[1:] + width[:-1]) / 2 + gap
    x_centre = np.concatenate([[0.0], np.cumsum(steps)])
    return width, x_centre - x_centre.mean() + NX / 2 + rng.uniform(-6, 6)


@dataclass(frozen=True)
class PixelMaps:
    """What every pixel of a channel's CCD sees."""

    wave_edge_aa: np.ndarray  # (NY + 1, NX), wavelength at the lower and upper pixel edges
    sensitivity: np.ndarray  # (NY, NX), slice profile x throughput x pixel response, 0 in gaps


def pixel_maps(channel: Channel) -> PixelMaps:
    """Wavelengths and sensitivity of all pixels of a channel (200 MB: drop it after use)."""
    wave_edge = np.zeros((NY + 1, NX), np.float32)
    sensitivity = np.zeros((NY, NX), np.float32)
    y_edge = np.arange(NY + 1)[:, None] + 0.5
    y = np.arange(1.0, NY + 1)[:, None]
    for s in range(geometry.N_SLICES):
        columns = channel.columns(s)
        x = columns[None, :].astype(float)
        wave_edge[:, columns - 1] = channel.wavelength(s, x, y_edge)
        half, centre = channel.full_width(s, y) / 2, channel.centre(s, y)
        profile = scipy.special.ndtr((x - centre + half) / EDGE_SIGMA_PX) - scipy.special.ndtr(
            (x - centre - half) / EDGE_SIGMA_PX
        )
        lit = np.where(np.abs(x - centre) < half + 2, profile * channel.throughput[s], 0.0)
        sensitivity[:, columns - 1] = np.maximum(sensitivity[:, columns - 1], lit)
    rng = np.random.default_rng(PIXEL_SEED + channel.number)
    sensitivity *= 1 + np.float32(0.01) * rng.standard_normal((NY, NX), dtype=np.float32)
    return PixelMaps(wave_edge, sensitivity)

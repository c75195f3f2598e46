"""On which channels and slices the light of a star falls.

A star in an aperture is as wide as a channel is high (12.7 px): its flux follows the responses of
two channels, or three, in shares that change with the pointing and the seeing. The shares follow
from the star's position in the exposure, the PSF, the place of the field of view in the image and
the position angle.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.measure.contamination import Moffat
from pipeline.muse.geometry import WIDE_FIELD, FieldLayout, slice_address

N_RADII, N_ANGLES = 24, 60  # nodes over an aperture: a share is right to some 0.3 %
EDGE_SHARE = 0.02  # of rows or columns: an edge of the footprint is where so many spaxels end


@dataclass(frozen=True)
class FieldPlace:
    """Where the field of view lies in the image of one exposure."""

    centre_xy: tuple[float, float]  # [pix], 0-based
    angle_deg: float  # of the slices against the rows of the image
    layout: FieldLayout = WIDE_FIELD

    def offsets(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Offsets of positions (..., 2) from the centre along and across the slices [pix]."""
        dx, dy = xy[..., 0] - self.centre_xy[0], xy[..., 1] - self.centre_xy[1]
        angle = np.radians(self.angle_deg)
        return dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)


@dataclass(frozen=True)
class LightShare:
    """Shares of the light in an aperture; rows add up to the fraction inside the field."""

    slices: np.ndarray  # (star, channel, slice)

    @property
    def channels(self) -> np.ndarray:
        """Share on each channel, (star, channel)."""
        return np.asarray(self.slices.sum(axis=2))

    @property
    def main_channel(self) -> np.ndarray:
        """Channel, from 1, that holds most of each star's light, (star,); 0: outside the field."""
        channels = self.channels
        return np.where(channels.any(axis=1), channels.argmax(axis=1) + 1, 0)

    @property
    def main_slice(self) -> np.ndarray:
        """Slice, from 1, of that channel that holds most of it, (star,); 0: outside the field."""
        rows = np.arange(len(self.slices))
        best = self.slices[rows, np.maximum(self.main_channel - 1, 0)].argmax(axis=1) + 1
        return np.where(self.main_channel > 0, best, 0)


def light_share(xy: np.ndarray, place: FieldPlace, psf: Moffat, radius_px: float) -> LightShare:
    """Share of each star's light within an aperture that falls on each channel and slice.

    Parameters
    ----------
    xy : ndarray, shape (star, 2)
        Positions in the exposure [pix]; NaN: no share anywhere.
    place : FieldPlace
    psf : Moffat
        Of the exposure.
    radius_px : float
        Of the aperture.

    Examples
    --------
    >>> place = FieldPlace((157.0, 152.0), 0.0)
    >>> share = light_share(np.array([(157.0, 152.0)]), place, Moffat(4.0, 2.5), 4.5)
    >>> share.channels[0, 11:13].round(2)  # on the border of channels 12 and 13
    array([0.5, 0.5])
    """
    layout = place.layout
    nodes, weight = _light_nodes(psf, radius_px)
    address = slice_address(*place.offsets(xy[:, None] + nodes), layout)
    shape = (len(xy), layout.n_channels, layout.n_slices)
    star = np.broadcast_to(np.arange(len(xy))[:, None], address.channel.shape)
    inside = address.channel > 0
    where = star[inside], address.channel[inside] - 1, address.slice[inside] - 1
    flat = np.ravel_multi_index(where, shape)
    light = np.broadcast_to(weight, address.channel.shape)[inside]
    return LightShare(np.bincount(flat, light, int(np.prod(shape))).reshape(shape))


def _light_nodes(psf: Moffat, radius_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Places (node, 2) over an aperture that hold equal shares of its light, and these shares.

    Radii of equal light follow from the closed form of the Moffat's light within a circle; rings
    are turned against each other, so that no line through the star meets many nodes at once.
    """
    alpha, power = psf.alpha_px(), 1 - psf.beta
    edge = (1 + (radius_px / alpha) ** 2) ** power
    share = (np.arange(N_RADII) + 0.5) / N_RADII
    radius = alpha * np.sqrt((1 - share * (1 - edge)) ** (1 / power) - 1)
    turn = np.arange(N_RADII) * (np.sqrt(5) - 1) / 2
    angle = 2 * np.pi * (np.arange(N_ANGLES) + turn[:, None]) / N_ANGLES
    nodes = radius[:, None, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    n_nodes = N_RADII * N_ANGLES
    return nodes.reshape(n_nodes, 2), np.full(n_nodes, 1 / n_nodes)


def find_field(image: np.ndarray, angle_deg: float, layout: FieldLayout = WIDE_FIELD) -> FieldPlace:
    """Where the field of view lies, from the spaxels that have data.

    Along each axis the centre is half-way between the two edges of the footprint if the image
    shows both; if the image itself cuts one off, half a field from the other.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Detection image, NaN: no data.
    angle_deg : float
        Position angle of the exposure.
    layout : FieldLayout
    """
    ny, nx = image.shape
    middle = ((nx - 1) / 2, (ny - 1) / 2)
    frame = FieldPlace(middle, angle_deg, layout)
    row, column = np.indices(image.shape)
    along, across = frame.offsets(np.stack([column, row], axis=-1).astype(float))
    seen = np.isfinite(image)
    if not seen.any():
        return frame
    shift = [
        _centre(offset, seen, size)
        for offset, size in ((along, layout.width_px), (across, layout.height_px))
    ]
    angle = np.radians(angle_deg)
    x = middle[0] + shift[0] * np.cos(angle) - shift[1] * np.sin(angle)
    y = middle[1] + shift[0] * np.sin(angle) + shift[1] * np.cos(angle)
    return FieldPlace((float(x), float(y)), angle_deg, layout)


def _centre(offset: np.ndarray, seen: np.ndarray, size: float) -> float:
    """Centre of the footprint along one axis of the field."""
    values = offset[seen]
    low, high = np.quantile(values, [EDGE_SHARE / size, 1 - EDGE_SHARE / size])
    low, high = low - 0.5, high + 0.5  # edges of the outermost spaxels
    beyond_low = np.count_nonzero(~seen & (offset < low)) > size / 2
    beyond_high = np.count_nonzero(~seen & (offset > high)) > size / 2
    if beyond_low == beyond_high or high - low >= size:
        return float((low + high) / 2)
    return float(low + size / 2) if beyond_low else float(high - size / 2)

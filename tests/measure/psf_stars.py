"""Model stars in windows of their own, for the tests of the fit of a PSF."""

import numpy as np

from pipeline.measure.psf_field import FieldPsf, WidthSurface
from pipeline.measure.psf_fit import KnotImages
from pipeline.measure.psf_model import star_images
from pipeline.measure.psf_system import build_windows

SHARES = np.array([0.0, 0.4, 0.3, 0.2, 0.1, 0.0])
WAVE = np.array([5000.0, 6000.0, 7000.0, 9000.0])


def field(n=4, apart=40.0):
    """Stars in a row, beyond each other's reach, not on the centres of spaxels."""
    xy = np.column_stack([30.0 + apart * np.arange(n) + 0.21, np.full(n, 30.0) - 0.34])
    return xy, build_windows(xy, 9.0, 9.0, (61, 61 + int(apart * n)))


def stars(windows, xy, flux, sigma, shares=SHARES, *, sky=0.0):
    """Images (source, pix) of stars of a width each, 0 off the image."""
    image = star_images(
        windows.offsets, xy - windows.centre, np.broadcast_to(sigma, len(xy)), shares
    )
    return np.where(windows.valid, np.asarray(flux)[:, None] * image + sky, 0.0)


def knots_of(data, noise=1.0):
    data = np.asarray(data)
    return KnotImages(WAVE[: len(data)], data, np.broadcast_to(np.float64(noise), data.shape))


def psf_of(xy, n_knots, sigma=1.7, shares=SHARES, **changed):
    values = {
        "wave_aa": WAVE[:n_knots], "sigma_px": np.full(n_knots, sigma),
        "shares": np.tile(shares, (n_knots, 1)), "shift_px": np.zeros((n_knots, 2)),
        "width": WidthSurface.flat(xy), "offset_px": np.zeros_like(xy),
    }  # fmt: skip
    return FieldPsf(**{**values, **changed})

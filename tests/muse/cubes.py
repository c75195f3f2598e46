"""Small MUSE-like cube files for the tests of the ground floor, and ways to spoil them."""

import numpy as np
from astropy.io import fits

from pipeline.muse.cube import cube_headers, write_cube

UNIT = "10**(-20)*erg/s/cm**2/Angstrom"


def primary_header(**changes):
    header = fits.Header()
    header["DATE-OBS"] = "2019-03-11T02:00:00.500"
    header["MJD-OBS"] = 58553.0833391204
    header["EXPTIME"] = 40.0
    header["RA"] = 130.3854
    header["DEC"] = -32.9428
    header["ARCFILE"] = "MUSE.2019-03-11T02:00:00.500.fits"
    header["HIERARCH ESO INS MODE"] = "WFM-AO-N"
    header["HIERARCH ESO TEL AIRM START"] = 1.1
    header["HIERARCH ESO TEL AIRM END"] = 1.2
    header["HIERARCH ESO TEL AMBI FWHM START"] = 0.8
    header["HIERARCH ESO TEL AMBI FWHM END"] = -1.0
    for key, value in changes.items():
        if value is None:
            del header[key]
        else:
            header[key] = value
    return header


def spatial_header(shape=(20, 24), scale_arcsec=0.2):
    header = fits.Header()
    header["NAXIS1"], header["NAXIS2"] = shape[1], shape[0]
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CUNIT1"] = header["CUNIT2"] = "deg"
    header["CRPIX1"], header["CRPIX2"] = shape[1] / 2, shape[0] / 2
    header["CRVAL1"], header["CRVAL2"] = 130.3854, -32.9428
    header["CD1_1"], header["CD2_2"] = -scale_arcsec / 3600, scale_arcsec / 3600
    header["CD1_2"] = header["CD2_1"] = 0.0
    return header


def small_cube(path, *, primary=None, shape=(30, 20, 24), scale_arcsec=0.2, value=None):
    """Write a cube of the given (wave, y, x) shape; returns DATA and STAT as written."""
    rng = np.random.default_rng(1)
    data = (
        np.full(shape, value, "f4") if value is not None else rng.normal(100, 1, shape).astype("f4")
    )
    stat = np.ones(shape, "f4")
    wave_aa = 4750.0 + 25.0 * np.arange(shape[0])
    headers = cube_headers(
        primary if primary is not None else primary_header(),
        spatial_header(shape[1:], scale_arcsec),
        wave_aa,
        UNIT,
    )
    write_cube(path, headers, zip(data, stat, strict=True))
    return data, stat, wave_aa

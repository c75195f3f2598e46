"""One small cube in the many forms in which people have it; each is a rewriting of a plain file."""

import bz2
import gzip
import lzma

import numpy as np
from astropy.io import fits

from pipeline.muse.cube import cube_headers, write_cube
from tests.muse.cubes import UNIT, primary_header, spatial_header

SHAPE = (12, 44, 50)  # (wave, y, x)
WAVE_AA = 6900.0 + 200.0 * np.arange(SHAPE[0])
XY = np.array([(12.3, 11.6), (34.1, 14.2), (22.7, 30.4)])
RADII_PX = (2.5, 4.5)
NOISE = 6.0


def write_plain(path, *, seed=5, primary=None):
    """Three stars on noise with a NaN rim, as the MUSE pipeline writes it; returns (data, stat)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SHAPE[1], : SHAPE[2]]
    image = np.full(SHAPE[1:], 40.0)
    for star_x, star_y in XY:
        image += 900.0 * np.exp(-((x - star_x) ** 2 + (y - star_y) ** 2) / 6.0)
    data = (image + rng.normal(0, NOISE, SHAPE)).astype("f4")
    stat = np.full(SHAPE, NOISE**2) * rng.uniform(0.9, 1.1, SHAPE)
    stat = stat.astype("f4")
    for cube in (data, stat):
        cube[:, :3], cube[:, -3:], cube[:, :, :3], cube[:, :, -3:] = (np.nan,) * 4
    headers = cube_headers(primary or primary_header(), spatial_header(SHAPE[1:]), WAVE_AA, UNIT)
    write_cube(path, headers, zip(data, stat, strict=True))
    return data, stat


def rewritten(source, target, change, **how):
    """The cube with ``change(hdus)`` applied; what that returns is written, if it is not None."""
    with fits.open(source, memmap=False) as hdus:
        found = change(hdus)
        (hdus if found is None else found).writeto(target, **how)
    return target


def _both(hdus, function):
    for name in ("DATA", "STAT"):
        function(hdus[name], name)


def _replace_cards(hdus, drop=(), put=()):
    for name in ("DATA", "STAT"):
        header = hdus[name].header
        for key in drop:
            header.remove(key, ignore_missing=True)
        for key, value in put:
            header[key] = value


CD = ("CD1_1", "CD1_2", "CD2_1", "CD2_2", "CD1_3", "CD2_3", "CD3_1", "CD3_2", "CD3_3")
STEP_DEG = 0.2 / 3600


def float64(hdus):
    _both(hdus, lambda hdu, _: setattr(hdu, "data", hdu.data.astype("f8")))


def one_image_in_double(hdus):
    hdus["STAT"].data = hdus["STAT"].data.astype("f8")


def pc_matrix(hdus):
    _replace_cards(
        hdus, CD, [("CDELT1", -STEP_DEG), ("CDELT2", STEP_DEG), ("CDELT3", 200.0), ("PC1_1", 1.0)]
    )


def cdelt_and_crota(hdus):
    put = [("CDELT1", -STEP_DEG), ("CDELT2", STEP_DEG), ("CDELT3", 200.0), ("CROTA2", 0.0)]
    _replace_cards(hdus, CD, put)


def pc_holds_the_step(hdus):
    put = [("CDELT1", 1.0), ("CDELT2", 1.0), ("CDELT3", 1.0)]
    put += [("PC1_1", -STEP_DEG), ("PC2_2", STEP_DEG), ("PC3_3", 200.0)]
    _replace_cards(hdus, CD, put)


def arcsec_axes(hdus):
    _replace_cards(
        hdus,
        CD[:4],
        [("CUNIT1", "arcsec"), ("CUNIT2", "arcsec"), ("CD1_1", -0.2), ("CD2_2", 0.2)],
    )
    for name in ("DATA", "STAT"):
        for key in ("CRVAL1", "CRVAL2"):
            hdus[name].header[key] *= 3600


def _in_unit(unit, factor):
    def change(hdus):
        for name in ("DATA", "STAT"):
            header = hdus[name].header
            header["CUNIT3"] = unit
            for key in ("CRVAL3", "CD3_3"):
                header[key] *= factor

    return change


def no_unit_of_the_axis(hdus):
    _replace_cards(hdus, ["CUNIT3"])


def metres_without_a_unit(hdus):
    _in_unit("m", 1e-10)(hdus)
    _replace_cards(hdus, ["CUNIT3"])


def wcs_to_header(hdus):
    from astropy.wcs import WCS

    for name in ("DATA", "STAT"):
        header = hdus[name].header
        cards = WCS(header).to_header()
        for key in (*CD, "CRPIX1", "CRPIX2", "CRPIX3", "CRVAL1", "CRVAL2", "CRVAL3"):
            header.remove(key, ignore_missing=True)
        header.update(cards)


def scaled_integers(hdus):
    for name, scale, zero in (("DATA", 0.001, 500.0), ("STAT", 1e-4, 50.0)):
        values = hdus[name].data
        numbers = np.where(np.isfinite(values), np.round((values - zero) / scale), -(2**31))
        header = hdus[name].header.copy()
        for key in ("BITPIX", "BSCALE", "BZERO"):
            header.remove(key, ignore_missing=True)
        hdu = fits.ImageHDU(numbers.astype("i4"), header, name=name)
        hdu.header["BSCALE"], hdu.header["BZERO"], hdu.header["BLANK"] = scale, zero, -(2**31)
        hdus[name] = hdu


def float_with_bscale(hdus):
    for name in ("DATA", "STAT"):
        header = hdus[name].header.copy()
        hdu = fits.ImageHDU(hdus[name].data / np.float32(4.0), header, name=name)
        hdu.header["BSCALE"] = 4.0  # a power of two: nothing is rounded
        hdus[name] = hdu


def data_in_primary(hdus):
    header = hdus[0].header.copy()
    for card in hdus["DATA"].header.cards:
        if card.keyword not in ("XTENSION", "PCOUNT", "GCOUNT", "EXTNAME"):
            header[card.keyword] = card.value
    return fits.HDUList([fits.PrimaryHDU(hdus["DATA"].data, header), hdus["STAT"]])


def other_names(hdus):
    hdus["DATA"].header["EXTNAME"], hdus["STAT"].header["EXTNAME"] = "SCI", "VARIANCE"


def lower_case_and_other_order(hdus):
    hdus["DATA"].header["EXTNAME"], hdus["STAT"].header["EXTNAME"] = "data", "stat"
    extra = fits.ImageHDU(np.zeros((4, 4), "f4"), name="WHITE")
    return fits.HDUList([hdus[0], extra, hdus[2], hdus[1]])


def standard_deviations(hdus):
    hdus["STAT"].data = np.sqrt(hdus["STAT"].data)
    hdus["STAT"].header["BUNIT"] = UNIT


def standard_deviations_by_name(hdus):
    hdus["STAT"].data = np.sqrt(hdus["STAT"].data)
    del hdus["STAT"].header["BUNIT"]
    hdus["STAT"].header["EXTNAME"] = "ERR"


def standard_deviations_without_a_word(hdus):
    hdus["STAT"].data = np.sqrt(hdus["STAT"].data)
    del hdus["STAT"].header["BUNIT"]


def inverse_variances(hdus):
    hdus["STAT"].data = 1 / hdus["STAT"].data
    del hdus["STAT"].header["BUNIT"]
    hdus["STAT"].header["EXTNAME"] = "IVAR"


def inverse_variances_by_unit(hdus):
    hdus["STAT"].data = 1 / hdus["STAT"].data
    hdus["STAT"].header["BUNIT"] = f"({UNIT})**(-2)"


def inverse_variances_without_a_word(hdus):
    hdus["STAT"].data = 1 / hdus["STAT"].data
    del hdus["STAT"].header["BUNIT"]


def _errors_called(name, function):
    def change(hdus):
        hdus["STAT"].data = function(hdus["STAT"].data)
        del hdus["STAT"].header["BUNIT"]
        hdus["STAT"].header["EXTNAME"] = name

    return change


def unit_of_the_data_on_variances(hdus):
    hdus["STAT"].header["BUNIT"] = UNIT


def variances_in_another_unit(hdus):
    hdus["STAT"].data = hdus["STAT"].data / np.float32(1e6)  # of 1e-17 instead of 1e-20
    hdus["STAT"].header["BUNIT"] = "(10**(-17)*erg/s/cm**2/Angstrom)**2"


def _unit_spelled(data, stat):
    def change(hdus):
        hdus["DATA"].header["BUNIT"], hdus["STAT"].header["BUNIT"] = data, stat

    return change


def zeros_for_missing(hdus):
    _both(hdus, lambda hdu, _: setattr(hdu, "data", np.nan_to_num(hdu.data, nan=0.0)))


def minus_999_for_missing(hdus):
    hdus["DATA"].data = np.nan_to_num(hdus["DATA"].data, nan=-999.0)
    hdus["STAT"].data = np.nan_to_num(hdus["STAT"].data, nan=-1.0)


def infinite_variance_for_missing(hdus):
    gone = np.isnan(hdus["DATA"].data)
    hdus["DATA"].data = np.where(gone, np.float32(7.0), hdus["DATA"].data)
    hdus["STAT"].data = np.where(gone, np.float32(np.inf), hdus["STAT"].data)


def flagged_in_dq(hdus):
    gone = np.isnan(hdus["DATA"].data)
    for name in ("DATA", "STAT"):
        hdus[name].data = np.where(gone, np.float32(1e5), hdus[name].data)
    hdus.append(fits.ImageHDU(gone.astype("u1"), name="DQ"))


def flagged_in_unsigned_dq(hdus):
    flagged_in_dq(hdus)
    del hdus["DQ"]
    hdus.append(fits.ImageHDU((hdus["DATA"].data == 1e5).astype("u2") * 64, name="DQ"))


def _flagged_in(name, dtype):
    """Wild numbers, no two alike, where data are missing: only the flags tell."""

    def change(hdus):
        gone = np.isnan(hdus["DATA"].data)
        wild = np.random.default_rng(1).uniform(1e4, 1e5, gone.shape).astype("f4")
        for extension in ("DATA", "STAT"):
            hdus[extension].data = np.where(gone, wild, hdus[extension].data)
        hdus.append(fits.ImageHDU(gone.astype(dtype), name=name))

    return change


def mask_of_the_image_alone(hdus):
    hdus.append(fits.ImageHDU(np.ones(SHAPE[1:], "u1"), name="MASK"))


def written_by_ccddata(hdus):
    """Data in the primary header, MASK, and UNCERT of standard deviations."""
    plain = data_in_primary(hdus)
    mask = fits.ImageHDU(np.isnan(plain[0].data).astype("u1"), name="MASK")
    errors = fits.ImageHDU(np.sqrt(hdus["STAT"].data), name="UNCERT")
    errors.header["UTYPE"] = "StdDevUncertainty"
    return fits.HDUList([plain[0], mask, errors])


def four_axes(hdus):
    _both(hdus, lambda hdu, _: setattr(hdu, "data", hdu.data[np.newaxis]))


def science_and_variance(hdus):
    hdus["DATA"].header["EXTNAME"], hdus["STAT"].header["EXTNAME"] = "Science", "Variance"


def grid_far_from_its_reference(hdus):
    """CRPIX beyond the image, the same sky: CRVAL moves along declination."""
    for name in ("DATA", "STAT"):
        hdus[name].header["CRPIX2"] -= 5000.0
        hdus[name].header["CRVAL2"] -= 5000.0 * STEP_DEG


def time_apart_from_the_date(hdus):
    header = hdus[0].header
    del header["MJD-OBS"]
    header["DATE-OBS"], header["TIME-OBS"] = "2019-03-11", "02:00:00.500"


def mode_in_small_letters(hdus):
    hdus[0].header["ESO INS MODE"] = "wfm-ao-n"


def fpacked(hdus):
    packed = [hdus[0]]
    for name in ("DATA", "STAT"):
        packed.append(
            fits.CompImageHDU(
                hdus[name].data, hdus[name].header, compression_type="GZIP_2", quantize_level=0,
                tile_shape=(1, 1, SHAPE[2]), name=name,
            )
        )  # fmt: skip
    return fits.HDUList(packed)


SAME_PIXELS = {  # each has the pixels of the plain cube: its fluxes are the same
    change.__name__: change
    for change in (
        float64, one_image_in_double, pc_matrix, cdelt_and_crota, pc_holds_the_step, arcsec_axes,
        no_unit_of_the_axis, metres_without_a_unit, wcs_to_header, scaled_integers, float_with_bscale,
        data_in_primary, other_names, lower_case_and_other_order, standard_deviations,
        standard_deviations_by_name, standard_deviations_without_a_word, inverse_variances,
        unit_of_the_data_on_variances, variances_in_another_unit, zeros_for_missing,
        minus_999_for_missing, infinite_variance_for_missing, flagged_in_dq, flagged_in_unsigned_dq,
        fpacked, inverse_variances_by_unit, inverse_variances_without_a_word, mask_of_the_image_alone,
        written_by_ccddata, four_axes, science_and_variance, mode_in_small_letters,
    )
}  # fmt: skip
SAME_PIXELS |= {
    f"errors_in_{name}": _errors_called(name, function)
    for name, function in (
        ("WEIGHT", np.reciprocal), ("WHT", np.reciprocal), ("INVVAR", np.reciprocal), ("NOISE", np.sqrt),
        ("RMS", np.sqrt), ("STD", np.sqrt), ("ERRORS", np.sqrt), ("Uncertainty", np.sqrt),
    )
}  # fmt: skip
SAME_PIXELS |= {
    f"flags_in_{name}": _flagged_in(name, dtype)
    for name, dtype in (("DQ", "i8"), ("MASK", "u1"), ("Flags", "i2"), ("QUALITY", "i4"), ("BADPIX", "u1"))
}  # fmt: skip
SAME_PIXELS |= {
    f"axis_in_{unit}": _in_unit(unit, factor)
    for unit, factor in (("nm", 0.1), ("um", 1e-4), ("micron", 1e-4), ("m", 1e-10), ("Angstroms", 1),
                         ("A", 1))
}  # fmt: skip
SAME_PIXELS |= {
    f"unit_{number}": _unit_spelled(data, stat)
    for number, (data, stat) in enumerate((
        ("1e-20 erg / (Angstrom cm2 s)", "1e-40 erg2 / (Angstrom2 cm4 s2)"),
        ("10^-20 ergs/s/cm^2/A", "(10^-20 ergs/s/cm^2/A)**2"),
        ("1E-20 erg/s/cm^2/Ang/spaxel", ""),
        ("count", "count2"),
        ("adu", ""),
        ("electron/s", ""),
        ("ct s-1", ""),
        ("1E-20 ERG/S/CM**2/ANGSTROM", "(1E-20 ERG/S/CM**2/ANGSTROM)**2"),
        ("FLAM", ""),
        ("W/m2/um", ""),
        ("none", "none"),
    ))
}  # fmt: skip
SQUEEZED = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}

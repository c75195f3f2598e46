"""What STAT holds is told from header and noise; what contradicts itself is refused in words."""

import numpy as np
import pytest
from astropy.io import fits

from pipeline.config.settings import Settings
from pipeline.errors import ExposureError, ImplausibleValue
from pipeline.measure import detect
from pipeline.muse.cube import open_cube
from pipeline.muse.variance import error_kind
from tests.muse.kinds import CD, SHAPE, rewritten
from tests.muse.same_light import assert_same


@pytest.mark.parametrize("value", [0.0, np.nan, -1.0])
def test_a_cube_without_any_variance_is_refused(tmp_path, plain, value):
    def change(hdus):
        hdus["STAT"].data = np.full(SHAPE, value, "f4")

    with pytest.raises(ImplausibleValue, match="STAT has no positive value"):
        open_cube(rewritten(plain, tmp_path / "none.fits", change))


def test_standard_deviations_in_the_unit_of_variances_are_not_measured_unless_it_is_said(
    tmp_path, plain, expected
):
    def change(hdus):
        hdus["STAT"].data = np.sqrt(hdus["STAT"].data)

    path = rewritten(plain, tmp_path / "std.fits", change)
    with pytest.raises(
        ImplausibleValue, match=r"noise .* fits standard deviations; give cubes\.stat"
    ):
        detect(open_cube(path), Settings())
    cube = open_cube(path, stat="std")
    assert_same(cube, expected)
    assert open_cube(path, stat="variance").doubt == ""


def test_inverse_variances_in_the_unit_of_variances_are_not_measured_unless_it_is_said(
    tmp_path, plain, expected
):
    def change(hdus):
        hdus["STAT"].data = 1 / hdus["STAT"].data

    path = rewritten(plain, tmp_path / "inverse.fits", change)
    with pytest.raises(
        ImplausibleValue, match=r"noise .* fits inverse variances; give cubes\.stat"
    ):
        detect(open_cube(path), Settings())
    assert_same(open_cube(path, stat="inverse"), expected)


def test_a_unit_of_the_variance_that_the_numbers_do_not_have_is_refused(tmp_path, plain):
    def change(hdus):
        hdus["STAT"].header["BUNIT"] = "(erg/s/cm**2/Angstrom)**2"

    with pytest.raises(ImplausibleValue, match=r"is 1e\+40 times .* correct BUNIT"):
        open_cube(rewritten(plain, tmp_path / "unit.fits", change))


@pytest.mark.parametrize(
    ("noise", "power"), [(1.0, None), (0.05, 2), (20.0, 2), (0.05, 1), (20.0, 1)]
)
def test_the_noise_tells_variance_from_deviation_where_they_differ(noise, power):
    rng = np.random.default_rng(int(100 * noise))
    data = rng.normal(0, noise, (8, 30, 30))
    stat = np.full(data.shape, noise if power == 2 else noise**2)
    headers = fits.Header(), fits.Header()
    for by_name in (1, 2):
        assert error_kind(data, stat, headers, by_name, "x").power == (power or by_name)


def test_noise_that_resampling_has_lowered_is_no_standard_deviation():
    rng = np.random.default_rng(8)
    raw = rng.normal(0, 9.0, (20, 40, 41))
    data = (raw[:, :, 1:] + raw[:, :, :-1]) / 2  # the mean of two: a scatter of 0.71
    for share in (0.3, 0.6):  # of the layer before: neighbours are alike
        data[1:] = np.sqrt(1 - share**2) * data[1:] + share * data[:-1]
    kind = error_kind(data, np.full(data.shape, 81.0), (fits.Header(), fits.Header()), 1, "x")
    assert (kind.power, kind.note, kind.doubt) == (1, "", "")


def errors_replaced(values, name):
    def change(hdus):
        hdus["STAT"].data = np.full(SHAPE, values, "f4")
        del hdus["STAT"].header["BUNIT"]
        hdus["STAT"].header["EXTNAME"] = name

    return change


REFUSED = {
    "an exposure map for weights": (errors_replaced(5.0, "WEIGHT"), "weights are inverse variances; give"),
    "a mask of good data": (lambda hdus: hdus.append(fits.ImageHDU(
        np.isfinite(hdus["DATA"].data).astype("u1"), name="MASK")), "write 1 where data are bad"),
    "flags of an image": (lambda hdus: hdus.append(fits.ImageHDU(np.zeros(SHAPE[1:], "u1"), name="DQ")),
                          "correct the extension or remove it"),
    "no names": (lambda hdus: [hdus[n].header.remove("EXTNAME") for n in (1, 2)], "name the extensions so"),
    "no kind of wavelength": (lambda hdus: hdus["DATA"].header.remove("CTYPE3"), "set CTYPE3 to what they"),
    "a flux per frequency": (lambda hdus: hdus["DATA"].header.set("BUNIT", "mJy"), "correct BUNIT"),
    "no variance": (lambda hdus: hdus.pop(2), "no extension STAT .*its variance"),
    "another unit": (lambda hdus: hdus["DATA"].header.set("BUNIT", "MJy/sr"), "BUNIT = 'MJy/sr'"),
    "velocities": (lambda hdus: hdus["DATA"].header.set("CTYPE3", "VRAD"), "AWAV, or vacuum"),
    "wavelength first": (lambda hdus: hdus["DATA"].header.update(CTYPE1="AWAV", CTYPE3="DEC--TAN"),
                         "wavelengths are on axis 1"),
    "descending": (lambda hdus: hdus["DATA"].header.set("CD3_3", -200.0), "order of increasing"),
    "no scale": (lambda hdus: [hdus["DATA"].header.remove(key) for key in CD[:4]],
                 "CD1_1 missing"),
    "flags of another shape": (lambda hdus: hdus.append(fits.ImageHDU(np.zeros((2, 3, 4), "u1"), name="DQ")),
                               "integers of the shape"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_refused_with_what_is_wrong(tmp_path, plain, kind):
    change, message = REFUSED[kind]

    def spoil(hdus):
        change(hdus)

    path = rewritten(plain, tmp_path / "spoiled.fits", spoil)
    with pytest.raises(ExposureError, match=rf"spoiled\.fits.*{message}"):
        open_cube(path)

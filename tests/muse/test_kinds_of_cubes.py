"""Cubes as people have them: the same pixels give the same fluxes, all else is refused in words."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from pipeline.config.settings import Settings
from pipeline.errors import CubeUnreadable
from pipeline.measure import check_cube
from pipeline.measure.detection import detection_image
from pipeline.measure.extraction import extract_spectra
from pipeline.muse.cube import open_cube, read_header, read_unit
from pipeline.muse.exposure import identify
from pipeline.muse.spectral_axis import VACUUM, air_from_vacuum
from tests.muse.cubes import UNIT, primary_header
from tests.muse.kinds import (
    RADII_PX,
    SAME_PIXELS,
    SHAPE,
    SQUEEZED,
    WAVE_AA,
    XY,
    grid_far_from_its_reference,
    rewritten,
    time_apart_from_the_date,
    write_plain,
)
from tests.muse.same_light import assert_same


@pytest.mark.slow
@pytest.mark.parametrize("kind", SAME_PIXELS)
def test_the_same_pixels_in_another_form_give_the_same_fluxes(tmp_path, plain, expected, kind):
    path = rewritten(plain, tmp_path / "other.fits", SAME_PIXELS[kind])
    cube = open_cube(path)
    assert cube.pixel_scale_arcsec == pytest.approx(0.2, rel=1e-6)
    assert WCS(cube.celestial).wcs_pix2world(XY, 0) == pytest.approx(
        WCS(open_cube(plain).celestial).wcs_pix2world(XY, 0), abs=1e-10
    )
    check_cube(cube, Settings().field)
    assert_same(cube, expected)
    images = [
        detection_image(
            one.data, one.wave_aa, band_width_aa=200, n_bands=3, dq=one.dq, fill=one.fill
        )
        for one in (cube, open_cube(plain))
    ]
    np.testing.assert_allclose(*images, rtol=1e-4)  # of single samples: integers of 0.001
    assert identify(read_header(path), "x") == identify(read_header(plain), "x")


@pytest.mark.parametrize("suffix", SQUEEZED)
@pytest.mark.parametrize("name", ["cube.fits", "no-suffix-that-tells.fits"])
def test_a_file_that_is_compressed_as_a_whole_is_known_by_its_bytes(
    tmp_path, plain, expected, suffix, name
):
    path = tmp_path / (name + (suffix if name == "cube.fits" else ""))
    path.write_bytes(SQUEEZED[suffix](plain.read_bytes()))
    cube = open_cube(path, scratch=tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]  # no scratch file is left
    assert cube.path == path
    assert_same(cube, expected)
    assert identify(read_header(path), "x") == identify(read_header(plain), "x")
    assert read_unit(path) == UNIT


@pytest.mark.parametrize("suffix", SQUEEZED)
def test_a_compressed_file_that_was_cut_off_is_refused_and_leaves_nothing(tmp_path, plain, suffix):
    path = tmp_path / f"cube.fits{suffix}"
    content = SQUEEZED[suffix](plain.read_bytes())
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CubeUnreadable, match=r"cube\.fits\.\w+: damaged or cut off"):
        open_cube(path, scratch=tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_compressed_file_whose_content_is_cut_off_is_named_by_its_own_name(tmp_path, plain):
    path = tmp_path / "cube.fits.gz"
    path.write_bytes(SQUEEZED[".gz"](plain.read_bytes()[:40000]))
    with pytest.raises(CubeUnreadable, match=r"^cube\.fits\.gz: truncated, 40000 bytes"):
        open_cube(path)


def test_a_file_that_fpack_and_gzip_have_compressed_is_read(tmp_path, plain, expected):
    packed = rewritten(plain, tmp_path / "cube.fits.fz", SAME_PIXELS["fpacked"])
    path = tmp_path / "cube.fits.fz.gz"
    path.write_bytes(SQUEEZED[".gz"](packed.read_bytes()))
    packed.unlink()
    assert_same(open_cube(path, scratch=tmp_path), expected)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_int16_with_a_scale_is_right_to_its_step(tmp_path, plain, expected):
    step = {"DATA": 0.05, "STAT": 1e-3}

    def change(hdus):
        for name, zero in (("DATA", 500.0), ("STAT", 40.0)):
            values = hdus[name].data
            numbers = np.where(np.isfinite(values), np.round((values - zero) / step[name]), -32768)
            header = hdus[name].header.copy()
            header.remove("BITPIX", ignore_missing=True)
            hdus[name] = fits.ImageHDU(numbers.astype("i2"), header, name=name)
            put = hdus[name].header
            put["BSCALE"], put["BZERO"], put["BLANK"] = step[name], zero, -32768

    found = extract_spectra(
        open_cube(rewritten(plain, tmp_path / "int16.fits", change)), XY, RADII_PX
    )
    n_spaxels = np.pi * RADII_PX[-1] ** 2
    for one, other, name in (
        (found.flux, expected.flux, "DATA"),
        (found.variance, expected.variance, "STAT"),
    ):  # roundings add up as a random walk: 6 sigma
        assert np.nanmax(np.abs(one - other)) < 6 * step[name] * np.sqrt(n_spaxels / 12)
    np.testing.assert_array_equal(found.coverage, expected.coverage)


def test_a_time_beside_the_date_is_the_start(tmp_path, plain):
    path = rewritten(plain, tmp_path / "time.fits", time_apart_from_the_date)
    found = identify(read_header(path), "x")
    assert found.mjd_start == pytest.approx(
        identify(read_header(plain), "x").mjd_start, abs=0.01 / 86400
    )


def test_a_reference_far_from_the_grid_is_the_same_sky_in_its_neighbourhood(
    tmp_path, plain, expected
):
    cube = open_cube(rewritten(plain, tmp_path / "far.fits", grid_far_from_its_reference))
    assert_same(cube, expected)
    found, other = (WCS(one.celestial).wcs_pix2world(XY, 0) for one in (cube, open_cube(plain)))
    # a tangential plane 17 arcmin off: the tangent differs from the arc by its cube over three
    arc = 5000 * 0.2 / 206265
    assert np.abs(found - other)[:, 1].max() * 3600 < arc**3 / 3 * 206265 + arc**2 * 5


@pytest.mark.parametrize(
    ("first", "program"), [(b"\x1f\x9d\x90", "uncompress"), (b"PK\x03\x04", "unzip")]
)
def test_other_compressions_name_the_program_that_expands_them(tmp_path, first, program):
    (tmp_path / "cube.fits.Z").write_bytes(first + bytes(100))
    with pytest.raises(CubeUnreadable, match=f"expand it with {program}"):
        read_header(tmp_path / "cube.fits.Z")


def test_a_primary_image_that_fpack_has_moved_keeps_its_keywords(tmp_path, plain, expected):
    def change(hdus):
        whole = SAME_PIXELS["data_in_primary"](hdus)
        packed = fits.CompImageHDU(
            whole[0].data, whole[0].header, compression_type="GZIP_2", quantize_level=0
        )
        return fits.HDUList([fits.PrimaryHDU(), packed, hdus["STAT"]])

    path = rewritten(plain, tmp_path / "cube.fits.fz", change)
    assert_same(open_cube(path), expected)
    assert identify(read_header(path), "x") == identify(read_header(plain), "x")


@pytest.mark.parametrize("only_data", [True, False])
def test_vacuum_wavelengths_are_converted_and_that_is_said(tmp_path, plain, only_data):
    def change(hdus):
        for name in ("DATA",) if only_data else ("DATA", "STAT"):
            hdus[name].header["CTYPE3"] = "WAVE"

    cube = open_cube(rewritten(plain, tmp_path / "vacuum.fits", change))
    assert VACUUM in cube.notes
    np.testing.assert_allclose(cube.wave_aa, air_from_vacuum(WAVE_AA), rtol=1e-12)
    # NIST: the air wavelength of 6564.6 A in vacuum is shorter by 1.81 A
    assert air_from_vacuum(np.array(6564.614)) == pytest.approx(6562.801, abs=0.003)


def test_a_logarithmic_axis_is_read(tmp_path, plain):
    def change(hdus):
        for name in ("DATA", "STAT"):
            hdus[name].header["CTYPE3"] = "AWAV-LOG"

    cube = open_cube(rewritten(plain, tmp_path / "log.fits", change))
    np.testing.assert_allclose(cube.wave_aa, 6900 * np.exp(np.arange(SHAPE[0]) * 200 / 6900))


def turned(array, quarters, mirrored):
    array = np.rot90(array, quarters, axes=(1, 2))
    return np.ascontiguousarray(array[:, :, ::-1] if mirrored else array)


def turned_cube(quarters, mirrored):
    """Data and WCS turned by quarters, then mirrored: the same sky."""

    def change(hdus):
        for name in ("DATA", "STAT"):
            header = hdus[name].header
            ny, nx = hdus[name].data.shape[1:]
            # old pixel (from the corner) as a matrix and a shift of the new one
            matrix, shift = np.eye(2), np.zeros(2)
            for _ in range(quarters):  # rot90: new[y', x'] = old[x', nx - 1 - y']
                matrix, shift = (
                    matrix @ np.array([[0, -1], [1, 0]]),
                    matrix @ np.array([nx - 1.0, 0.0]) + shift,
                )
                ny, nx = nx, ny
            if mirrored:
                matrix, shift = (
                    matrix @ np.diag([-1, 1]),
                    matrix @ np.array([nx - 1.0, 0.0]) + shift,
                )
            cd = np.array([[header["CD1_1"], header["CD1_2"]], [header["CD2_1"], header["CD2_2"]]])
            reference = np.array([header["CRPIX1"], header["CRPIX2"]]) - 1
            pixel = np.linalg.solve(matrix, reference - shift) + 1
            hdus[name].data = turned(hdus[name].data, quarters, mirrored)
            header["CRPIX1"], header["CRPIX2"] = pixel.tolist()
            for (i, j), value in np.ndenumerate(cd @ matrix):
                header[f"CD{i + 1}_{j + 1}"] = value

    return change


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_turned_or_mirrored_grid_has_its_orientation_from_the_wcs(
    tmp_path, plain, expected, quarters, mirrored
):
    path = rewritten(plain, tmp_path / "turned.fits", turned_cube(quarters, mirrored))
    cube = open_cube(path)
    assert any("reversed" in note for note in cube.notes) == mirrored
    # rows of the image turn against the sky: rot90 turns the picture by 90 degrees, clockwise in a
    # frame whose second axis points up; a mirrored grid is turned back about its first axis
    data, _ = write_plain(tmp_path / "again.fits")
    np.testing.assert_array_equal(np.asarray(cube.data[:]), turned(data, quarters, False))
    assert (cube.rotation_deg + 90 * quarters) % 360 == pytest.approx(0, abs=1e-9)
    angle = np.radians(cube.rotation_deg)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    old_middle = np.array([(SHAPE[2] - 1) / 2, (SHAPE[1] - 1) / 2])
    new_middle = np.array([(cube.data.shape[2] - 1) / 2, (cube.data.shape[1] - 1) / 2])
    xy = (XY - old_middle) @ rotation.T + new_middle
    assert_same(cube, expected, xy)
    # the same stars are at the same places on the sky
    sky, other = (
        WCS(one.celestial).wcs_pix2world(place, 0)
        for one, place in ((open_cube(plain), XY), (cube, xy))
    )
    np.testing.assert_allclose(other, sky, atol=1e-10)


@pytest.mark.parametrize(("rows", "columns"), [((4, 40), (5, 48)), ((0, 44), (3, 47))])
def test_a_cropped_cube_gives_the_same_fluxes(tmp_path, plain, expected, rows, columns):
    def change(hdus):
        for name in ("DATA", "STAT"):
            hdus[name].data = np.array(hdus[name].data[:, slice(*rows), slice(*columns)])

    cube = open_cube(rewritten(plain, tmp_path / "cropped.fits", change))
    assert_same(cube, expected, XY - np.array([columns[0], rows[0]]))


@pytest.mark.parametrize("value", [np.nan, 0.0, 1e-6])
def test_a_padded_frame_is_no_data_whatever_it_is_padded_with(tmp_path, plain, expected, value):
    def change(hdus):
        for name in ("DATA", "STAT"):
            whole = np.full((SHAPE[0], SHAPE[1] + 20, SHAPE[2] + 30), value, "f4")
            whole[:, 10:-10, 12:-18] = np.nan_to_num(hdus[name].data, nan=value)
            hdus[name].data = whole

    cube = open_cube(rewritten(plain, tmp_path / "padded.fits", change))
    assert_same(cube, expected, XY + np.array([12, 10]))


def test_samples_whose_variance_is_not_positive_or_infinite_are_missing(tmp_path, plain, expected):
    x, y = np.rint(XY[0]).astype(int)

    def change(hdus):
        stat = hdus["STAT"].data
        stat[2, y, x], stat[3, y, x], stat[4, y, x] = 0.0, -5.0, np.inf

    cube = open_cube(rewritten(plain, tmp_path / "holes.fits", change))
    found = extract_spectra(cube, XY, RADII_PX)
    share = 1 / (np.pi * 4.5**2)  # of one spaxel in the larger aperture
    np.testing.assert_allclose(found.coverage[0, 1, 2:5], 1 - share, rtol=1e-12)
    np.testing.assert_array_equal(found.coverage[1:], expected.coverage[1:])


def test_the_celestial_coordinates_are_those_of_astropy_on_the_file(plain):
    with fits.open(plain) as hdus:
        of_the_file = WCS(hdus["DATA"].header).celestial
    found = WCS(open_cube(plain).celestial)
    np.testing.assert_allclose(
        found.wcs_pix2world(XY, 0), of_the_file.wcs_pix2world(XY, 0), rtol=1e-14
    )


def test_what_the_header_of_the_data_alone_says_of_the_exposure_counts(tmp_path, plain):
    def change(hdus):
        for card in primary_header().cards:
            hdus["DATA"].header[
                f"HIERARCH {card.keyword}" if " " in card.keyword else card.keyword
            ] = card.value
        return fits.HDUList([fits.PrimaryHDU(), *hdus[1:]])

    found = identify(read_header(rewritten(plain, tmp_path / "moved.fits", change)), "x")
    assert found == identify(primary_header(), "x")


def test_a_cube_of_converted_layers_stays_in_the_file(tmp_path, plain):
    path = rewritten(plain, tmp_path / "double.fits", SAME_PIXELS["scaled_integers"])
    cube = open_cube(path)
    np.testing.assert_array_equal(np.asarray(cube.data), cube.data[:])
    assert len(cube.data) == SHAPE[0]
    again = replace(cube, data=cube.data[:], stat=cube.stat[:])
    np.testing.assert_array_equal(
        extract_spectra(again, XY, RADII_PX).flux, extract_spectra(cube, XY, RADII_PX).flux
    )

"""The cube file: written as the MUSE pipeline writes it, refused in words when it is not one."""

import mmap

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from pipeline.errors import CubeUnreadable
from pipeline.muse.cube import cube_headers, open_cube, read_header, write_cube
from tests.muse.cubes import UNIT, primary_header, small_cube, spatial_header


def test_what_is_written_is_what_is_read(tmp_path):
    data, stat, wave_aa = small_cube(tmp_path / "cube.fits")
    cube = open_cube(tmp_path / "cube.fits")
    np.testing.assert_array_equal(cube.data, data)
    np.testing.assert_array_equal(cube.stat, stat)
    np.testing.assert_allclose(cube.wave_aa, wave_aa, rtol=1e-15)
    assert cube.unit == UNIT
    assert cube.pixel_scale_arcsec == pytest.approx(0.2, rel=1e-12)


def test_the_file_is_valid_fits_as_astropy_sees_it(tmp_path):
    small_cube(tmp_path / "cube.fits")
    with fits.open(tmp_path / "cube.fits") as hdus:
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "DATA", "STAT"]
        wcs = WCS(hdus["DATA"].header)
        assert wcs.wcs.ctype[2] == "AWAV"
        assert wcs.pixel_to_world_values(11, 9, 2)[2] == pytest.approx(4800e-10)  # metres
    assert (tmp_path / "cube.fits").stat().st_size % 2880 == 0


def test_arrays_are_maps_of_the_file_and_not_copies(tmp_path):
    small_cube(tmp_path / "cube.fits")
    cube = open_cube(tmp_path / "cube.fits")
    base = cube.data
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    assert isinstance(base, mmap.mmap)


def test_a_rotated_grid_keeps_its_pixel_scale(tmp_path):
    path = tmp_path / "cube.fits"
    small_cube(path)
    angle = np.deg2rad(30)
    with fits.open(path, mode="update") as hdus:
        matrix = (
            0.2 / 3600 * np.array([[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        )
        for i, j in np.ndindex(2, 2):
            hdus["DATA"].header[f"CD{i + 1}_{j + 1}"] = matrix[i, j]
    assert open_cube(path).pixel_scale_arcsec == pytest.approx(0.2, rel=1e-9)


def test_a_cube_on_the_instruments_own_pixels_has_no_pixel_scale(tmp_path):
    path = tmp_path / "cube.fits"
    small_cube(path)
    with fits.open(path, mode="update") as hdus:
        header = hdus["DATA"].header
        header["CTYPE1"] = header["CTYPE2"] = "PIXEL"  # as muse_scipost_make_cube writes it
        header["CD1_1"] = header["CD2_2"] = 1.0
    assert open_cube(path).pixel_scale_arcsec is None


def test_wavelengths_in_another_unit_are_converted(tmp_path):
    path = tmp_path / "cube.fits"
    small_cube(path)
    with fits.open(path, mode="update") as hdus:
        header = hdus["DATA"].header
        header["CUNIT3"], header["CRVAL3"], header["CD3_3"] = "nm", 475.0, 2.5
    np.testing.assert_allclose(open_cube(path).wave_aa[:2], [4750, 4775])


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.999])
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path, share):
    path = tmp_path / "cube.fits"
    small_cube(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CubeUnreadable, match=r"cube\.fits"):
        open_cube(path)


@pytest.mark.parametrize("name", ["DATA", "STAT"])
def test_a_missing_extension_is_named(tmp_path, name):
    path = tmp_path / "cube.fits"
    small_cube(path)
    with fits.open(path) as hdus:
        fits.HDUList([hdu for hdu in hdus if hdu.name != name]).writeto(tmp_path / "less.fits")
    with pytest.raises(CubeUnreadable, match=f"no extension {name} "):
        open_cube(tmp_path / "less.fits")


def test_extensions_of_different_shape_are_refused(tmp_path):
    path = tmp_path / "cube.fits"
    small_cube(path)
    with fits.open(path) as hdus:
        hdus["STAT"].data = hdus["STAT"].data[:-1]
        hdus.writeto(tmp_path / "odd.fits")
    with pytest.raises(CubeUnreadable, match=r"DATA has shape \(30, 20, 24\), STAT \(29, 20, 24\)"):
        open_cube(tmp_path / "odd.fits")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("CTYPE3", "VELO", "CTYPE3 = 'VELO'; expected air wavelengths"),
        ("CD3_3", -1.25, "wavelength step -1.25"),
        ("CD3_3", None, "CD3_3 missing"),
        ("CRVAL3", None, "CRVAL3"),
        ("CD1_1", None, "CD1_1 missing"),
        ("CUNIT3", "parsnips", "parsnips"),
    ],
)
def test_a_spoiled_axis_is_named(tmp_path, key, value, message):
    path = tmp_path / "cube.fits"
    small_cube(path)
    with fits.open(path, mode="update") as hdus:
        if value is None:
            del hdus["DATA"].header[key]
        else:
            hdus["DATA"].header[key] = value
    with pytest.raises(CubeUnreadable, match=message):
        open_cube(path)


def test_a_file_that_is_not_fits_is_refused(tmp_path):
    (tmp_path / "page.fits").write_text("<html>Please log in</html>")
    for opened in (read_header, open_cube):
        with pytest.raises(CubeUnreadable, match=r"page\.fits: not a readable FITS file"):
            opened(tmp_path / "page.fits")


def test_too_few_layers_are_an_error_of_the_writer(tmp_path):
    wave_aa = 4750.0 + 25.0 * np.arange(3)
    headers = cube_headers(primary_header(), spatial_header(), wave_aa, UNIT)
    layer = np.zeros((20, 24), "f4")
    with pytest.raises(ValueError, match="2 layers written, 3 promised"):
        write_cube(tmp_path / "short.fits", headers, [(layer, layer)] * 2)
    with pytest.raises(ValueError, match="layer 1 has shape"):
        write_cube(tmp_path / "odd.fits", headers, [(layer[1:], layer[1:])] * 3)

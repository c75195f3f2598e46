"""Our own FITS files: astropy reads what is written, and what it reads is read off the bytes."""

import numpy as np
import pytest
from astropy.io import fits

from pipeline.errors import CubeUnreadable
from pipeline.tasks.fits_units import image_unit, read_units, table_unit, write_units


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "any.fits"
    columns = {
        "star": np.array([3, 1, 2]),
        "flux": np.array([1.5, np.nan, -2.0]),
        "share": np.array([0.25, 0.5, 1.0], "f4"),
        "flags": np.array(["edge", "", "gap core"]).astype("S16"),
    }
    image = image_unit(np.arange(24, dtype="f4").reshape(2, 3, 4), "FLUX")
    image.header["METHOD"] = ("exact", "of extraction")
    image.header["HIERARCH NOTE 1"] = "longer than a card " * 6
    mask = image_unit(np.eye(3, dtype=np.uint8), "MASK")
    empty = table_unit({"x": np.empty(0)}, "NONE")
    write_units(path, [table_unit(columns, "STARS"), image, mask, empty])
    return path


def test_tables_and_images_are_those_that_astropy_reads(written):
    units = {one.name: one for one in read_units(written)}
    assert list(units) == ["STARS", "FLUX", "MASK", "NONE"]
    with fits.open(written) as hdus:
        for name in ("star", "flux", "share"):
            found = units["STARS"].column(name)
            np.testing.assert_array_equal(found, hdus["STARS"].data[name])
            assert found.dtype.isnative
        assert units["STARS"].data["flags"].astype(str).tolist() == ["edge", "", "gap core"]
        for name in ("FLUX", "MASK"):
            np.testing.assert_array_equal(units[name].image, hdus[name].data)
            assert units[name].image.flags.writeable
        assert units["FLUX"].header["METHOD"] == hdus["FLUX"].header["METHOD"]
    assert units["NONE"].column("x").shape == (0,)


def test_the_file_follows_the_standard_to_its_end(written):
    with fits.open(written) as hdus:
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "STARS", "FLUX", "MASK", "NONE"]
        assert [hdus["STARS"].columns[name].format for name in ("star", "share", "flags")] == [
            *("K", "E", "16A")
        ]
        assert hdus["FLUX"].shape == (2, 3, 4)
        assert hdus["FLUX"].header["NOTE 1"] == ("longer than a card " * 6).rstrip()
        assert hdus["STARS"].data["flags"].tolist() == ["edge", "", "gap core"]
    assert written.stat().st_size % 2880 == 0


def test_the_cards_of_a_header_are_those_that_astropy_reads(tmp_path):
    unit = image_unit(np.zeros(1), "ANY")
    values = {
        "QUOTED": "it's 1/2 of 'it'",
        "EMPTY": "",
        "YES": True,
        "NO": False,
        "COUNT": -12,
        "SMALL": 1.5e-300,
        "THIRD": 1 / 3,
        "WHOLE": 2.0,
    }
    for key, value in values.items():
        unit.header[key] = (value, "a comment / with a stroke")
    unit.header["HIERARCH NOTE 0"] = "first"
    unit.header["HIERARCH NOTE 1"] = "second, " * 20
    write_units(tmp_path / "any.fits", [unit])
    (found,) = read_units(tmp_path / "any.fits")
    with fits.open(tmp_path / "any.fits") as hdus:
        for key, value in values.items():
            assert found.header[key] == hdus["ANY"].header[key] == value
            assert type(found.header[key]) is type(value)
    assert found.header.like("NOTE ") == {"NOTE 0": "first", "NOTE 1": ("second, " * 20).rstrip()}
    assert found.header.like("OTHER ") == {}
    with pytest.raises(KeyError):
        found.header["NONE"]


def test_an_array_of_a_type_that_our_files_do_not_hold_is_a_defect(tmp_path):
    with pytest.raises(KeyError):
        write_units(tmp_path / "any.fits", [image_unit(np.ones(3, complex), "ANY")])


def test_what_is_no_fits_file_is_refused(tmp_path):
    path = tmp_path / "any.fits"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(CubeUnreadable, match="not a readable FITS file"):
        read_units(path)

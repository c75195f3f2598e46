"""Our own FITS files, read off their bytes as astropy reads them."""

import numpy as np
import pytest
from astropy.io import fits

from pipeline.errors import CubeUnreadable
from pipeline.tasks.fits_units import read_units, table_unit, write_units


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "any.fits"
    columns = {
        "star": np.array([3, 1, 2]),
        "flux": np.array([1.5, np.nan, -2.0]),
        "share": np.array([0.25, 0.5, 1.0], "f4"),
        "flags": np.array(["edge", "", "gap core"]).astype("S16"),
    }
    image = fits.ImageHDU(np.arange(24, dtype="f4").reshape(2, 3, 4), name="FLUX")
    image.header["METHOD"] = "exact"
    mask = fits.ImageHDU(np.eye(3, dtype=np.uint8), name="MASK")
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


def test_what_is_no_fits_file_is_refused(tmp_path):
    path = tmp_path / "any.fits"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(CubeUnreadable, match="not a readable FITS file"):
        read_units(path)

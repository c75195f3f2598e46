"""Missing samples that are not NaN: flags in DQ and fill values give what NaN gives."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from pipeline.config.settings import Settings
from pipeline.errors import CubeUnreadable
from pipeline.measure import detect
from pipeline.measure.extraction import extract_spectra
from pipeline.muse.cube import open_cube
from pipeline.muse.missing import fill_value
from tests.measure.fields import FieldRecipe, clean_image, noisy, write_exposure

WAVE = np.arange(6900.0, 9351.0, 50.0)
RECIPE = FieldRecipe(
    (90, 100), np.array([(30.2, 40.1), (70.4, 55.3), (9.0, 60.0)]), np.full(3, 5e4), 4.0,
    standard_xy=(60.0, 20.0), standard_flux=1e6, border_px=5,
)  # fmt: skip
RADII = (2.5, 4.5)


@pytest.fixture(scope="module")
def arrays():
    """DATA and STAT with NaN on the rim."""
    rng = np.random.default_rng(17)
    clean = clean_image(RECIPE)
    data = np.stack([noisy(clean, RECIPE.sky, rng) for _ in WAVE])
    stat = np.repeat((np.nan_to_num(clean).clip(0) + RECIPE.sky)[None], len(WAVE), axis=0)
    stat[np.isnan(data)] = np.nan
    return data, stat


def written(path, data, stat, dq=None):
    write_exposure(path, list(zip(data, stat, strict=True)), WAVE)
    if dq is not None:
        with fits.open(path, mode="append") as hdus:
            hdus.append(fits.ImageHDU(dq, name="DQ"))
    return open_cube(path)


def same_results(cube, other):
    one, two = (extract_spectra(c, RECIPE.xy, RADII) for c in (cube, other))
    for name in ("flux", "variance", "coverage"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    images = [detect(c, Settings()).image for c in (cube, other)]
    np.testing.assert_array_equal(*images)


@pytest.mark.parametrize("value", [0.0, 1e-6, -999.0])
def test_a_constant_in_place_of_missing_data_gives_what_nan_gives(tmp_path, arrays, value):
    data, stat = arrays
    filled = [np.where(np.isnan(part), value, part) for part in (data, stat)]
    cube = written(tmp_path / "filled.fits", *filled)
    assert cube.fill == pytest.approx(value)
    same_results(cube, written(tmp_path / "nan.fits", data, stat))


def test_a_flagged_trail_gives_what_nan_gives(tmp_path, arrays):
    data, stat = arrays
    dq = np.zeros(data.shape, np.int32)
    dq[20:30, 41, 25:40] = 4
    trail, holed, holed_stat = data.copy(), data.copy(), stat.copy()
    trail[dq > 0] = 1e5
    holed[dq > 0] = holed_stat[dq > 0] = np.nan
    cube = written(tmp_path / "flagged.fits", trail, stat, dq)
    same_results(cube, written(tmp_path / "nan.fits", holed, holed_stat))
    assert (extract_spectra(cube, RECIPE.xy, RADII).coverage[0, 1, 20:30] < 1).all()


def test_flags_of_another_shape_are_refused(tmp_path, arrays):
    data, stat = arrays
    with pytest.raises(CubeUnreadable, match=r"flagged.fits\[DQ\]: shape \(2, 90, 100\)"):
        written(tmp_path / "flagged.fits", data, stat, np.zeros((2, 90, 100), np.int16))


def test_flags_that_are_no_integers_are_refused(tmp_path, arrays):
    data, stat = arrays
    with pytest.raises(CubeUnreadable, match=r"\[DQ\]: .* BITPIX -32; integers"):
        written(tmp_path / "flagged.fits", data, stat, np.zeros(data.shape, np.float32))


def test_a_cube_with_nan_alone_has_no_fill_value(tmp_path, arrays):
    cube = written(tmp_path / "nan.fits", *arrays)
    assert (cube.fill, cube.dq) == (None, None)


def test_a_constant_rim_whose_variance_differs_is_data(arrays):
    data, stat = (np.nan_to_num(part, nan=0.0) for part in arrays)
    assert fill_value(data, stat + 1.0) is None  # stars without noise on a sky that is subtracted
    assert fill_value(data, stat) == 0.0


def test_a_dark_layer_does_not_hide_the_fill_value(arrays):
    data, stat = (np.nan_to_num(part, nan=0.0) for part in arrays)
    middle = (len(data) - 1) // 2
    data[middle] = stat[middle] = np.nan
    assert fill_value(data, stat) == 0.0


def test_a_cube_in_memory_can_name_its_fill_value(tmp_path, arrays):
    cube = written(tmp_path / "nan.fits", *arrays)
    data, stat = (np.nan_to_num(np.asarray(part), nan=0.0) for part in arrays)
    other = replace(cube, data=data.astype("f4"), stat=stat.astype("f4"), fill=0.0)
    one, two = (extract_spectra(c, RECIPE.xy, RADII) for c in (cube, other))
    np.testing.assert_array_equal(one.flux, two.flux)
    np.testing.assert_array_equal(one.coverage, two.coverage)

"""extract_spectra: exact sums first, then gaps, edges, byte order, then the definition in loops."""

import math
import pkgutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from photutils.aperture import CircularAperture

from pipeline.config.measurement import METHODS as NAMES
from pipeline.errors import ConfigError, CubeUnreadable
from pipeline.measure import methods
from pipeline.measure.apertures import aperture_weights
from pipeline.measure.extraction import METHODS, extract_spectra, find_method
from pipeline.measure.layers import BLOCK_LAYERS
from pipeline.measure.spectra import CubeArrays
from pipeline.muse.cube import open_cube
from tests.measure.fields import FieldRecipe, clean_image, write_exposure

RADII = (1.5, 2.5, 3.5, 4.5, 5.5)
WAVE = 7000.0 + 25.0 * np.arange(5)


def random_cube(shape=(5, 30, 40), *, seed=3218, bad=0.0, dtype=np.float32):
    """DATA and STAT with a share of NaN that they have in common, and one more in each."""
    rng = np.random.default_rng(seed)
    data = rng.normal(100, 30, shape).astype(dtype)
    stat = rng.uniform(1, 50, shape).astype(dtype)
    gone = rng.random(shape) < bad
    data[gone] = stat[gone] = np.nan
    data[rng.random(shape) < bad / 4] = np.nan
    stat[rng.random(shape) < bad / 4] = np.inf
    return data, stat


def by_definition(data, stat, xy, radii):
    """The definition in the module's docstring, method "center", one spaxel at a time."""
    n_wave, ny, nx = data.shape
    flux, variance, coverage = (np.zeros((len(xy), len(radii), n_wave)) for _ in range(3))
    for s, (x, y) in enumerate(xy):
        for a, r in enumerate(radii):
            square = range(-math.ceil(r) - 1, math.ceil(r) + 2)
            circle = [
                (math.floor(x) + i, math.floor(y) + j)
                for j in square
                for i in square
                if math.sqrt((math.floor(x) + i - x) ** 2 + (math.floor(y) + j - y) ** 2) <= r
            ]
            for z in range(n_wave):
                both = 0
                for i, j in circle:
                    if 0 <= i < nx and 0 <= j < ny:
                        d, v = float(data[z, j, i]), float(stat[z, j, i])
                        flux[s, a, z] += d if math.isfinite(d) else 0.0
                        variance[s, a, z] += v if math.isfinite(v) else 0.0
                        both += math.isfinite(d) and math.isfinite(v)
                coverage[s, a, z] = both / len(circle)
                if both == 0:
                    flux[s, a, z] = variance[s, a, z] = math.nan
    return flux, variance, coverage


def test_constant_light_gives_the_number_of_spaxels_in_each_aperture():
    data, stat = np.full((3, 21, 21), 2.0, "f4"), np.full((3, 21, 21), 3.0, "f4")
    out = extract_spectra((data, stat, WAVE[:3]), [(10.0, 10.0)], RADII, method="center")
    # Lattice points within r of a lattice point: 9, 21, 37, 69, 97 for these radii.
    counts = np.array([9, 21, 37, 69, 97])
    np.testing.assert_array_equal(out.flux, np.repeat(2.0 * counts, 3).reshape(1, 5, 3))
    np.testing.assert_array_equal(out.variance, np.repeat(3.0 * counts, 3).reshape(1, 5, 3))
    np.testing.assert_array_equal(out.coverage, 1.0)
    np.testing.assert_array_equal(out.wave_aa, WAVE[:3])
    np.testing.assert_array_equal(out.radii_px, RADII)


def test_a_spaxel_whose_centre_is_exactly_on_the_circle_belongs_to_it():
    data = np.ones((1, 9, 9), "f4")
    out = extract_spectra((data, data, WAVE[:1]), [(4.0, 4.0)], (2.0,), method="center")
    assert out.flux.item() == 13


@pytest.mark.parametrize("bad", [0.0, 0.02, 0.5])
def test_sums_equal_the_definition_bit_by_bit(bad):
    # float32 values of one magnitude: their float64 sums are exact in any order
    data, stat = random_cube(bad=bad)
    data, stat = np.rint(data), np.rint(stat)
    xy = [(20.3, 15.7), (7.0, 7.5), (1.2, 28.9), (-3.0, 10.0), (60.0, 10.0), (39.4, 0.2)]
    out = extract_spectra((data, stat, WAVE), xy, RADII, method="center")
    flux, variance, coverage = by_definition(data, stat, xy, RADII)
    np.testing.assert_array_equal(out.flux, flux)
    np.testing.assert_array_equal(out.variance, variance)
    np.testing.assert_allclose(out.coverage, coverage, rtol=0, atol=1e-15)


@settings(max_examples=40, deadline=None)
@given(
    x=st.floats(-8, 48, allow_nan=False),
    y=st.floats(-8, 38, allow_nan=False),
    radius=st.floats(0.1, 9.0),
    bad=st.sampled_from([0.0, 0.1, 0.9, 1.0]),
    seed=st.integers(0, 99),
)
def test_any_aperture_on_any_gappy_cube_equals_the_definition(x, y, radius, bad, seed):
    data, stat = random_cube((2, 30, 40), bad=bad, seed=seed)
    out = extract_spectra((data, stat, WAVE[:2]), [(x, y)], (radius,), method="center")
    if _any_spaxel(x, y, radius):
        flux, variance, coverage = by_definition(data, stat, [(x, y)], (radius,))
    else:
        flux = variance = np.full((1, 1, 2), np.nan)
        coverage = np.zeros((1, 1, 2))
    # Up to 256 float32 terms: float64 keeps 29 bits to spare.
    np.testing.assert_allclose(out.flux, flux, rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(out.variance, variance, rtol=1e-12)
    np.testing.assert_allclose(out.coverage, coverage, atol=1e-15)


def _any_spaxel(x, y, radius):
    """Whether the circle holds the centre of any spaxel of the plane."""
    return math.sqrt((round(x) - x) ** 2 + (round(y) - y) ** 2) <= radius


def test_a_gap_is_left_out_of_the_sum_and_shows_in_the_coverage():
    data, stat = np.ones((2, 21, 21), "f4"), np.ones((2, 21, 21), "f4")
    data[1, 10, 10] = np.nan
    stat[1, 10, 11] = np.nan
    out = extract_spectra((data, stat, WAVE[:2]), [(10.0, 10.0)], (2.5,), method="center")
    np.testing.assert_array_equal(out.flux[0, 0], [21, 20])
    np.testing.assert_array_equal(out.variance[0, 0], [21, 20])
    np.testing.assert_allclose(out.coverage[0, 0], [1, 19 / 21], rtol=1e-15)


def test_an_aperture_over_the_edge_reports_what_is_missing():
    data = np.ones((1, 21, 21), "f4")
    out = extract_spectra((data, data, WAVE[:1]), [(0.0, 10.0)], (2.5,), method="center")
    assert out.flux.item() == 13  # columns 0, 1, 2 of the 21 spaxels hold 5 + 5 + 3
    assert out.coverage.item() == pytest.approx(13 / 21, rel=1e-15)


@pytest.mark.parametrize("method", ["center", "exact"])
@pytest.mark.parametrize(
    "xy", [(-50.0, 10.0), (10.0, 1e6), (np.nan, 10.0), (np.inf, 0.0), (1e30, 0.0)]
)
def test_a_star_off_the_image_has_no_flux_and_no_coverage(xy, method):
    data = np.ones((1, 21, 21), "f4")
    out = extract_spectra((data, data, WAVE[:1]), [xy, (10.0, 10.0)], (2.5,), method=method)
    assert np.isnan(out.flux[0]).all()
    assert np.isnan(out.variance[0]).all()
    assert out.coverage[0].item() == 0
    assert out.coverage[1].item() == pytest.approx(1.0, abs=1e-12)


def test_no_star_at_all_gives_empty_spectra():
    data = np.ones((4, 5, 5), "f4")
    out = extract_spectra((data, data, WAVE[:4]), np.empty((0, 2)), RADII, method="center")
    assert out.flux.shape == out.variance.shape == out.coverage.shape == (0, 5, 4)


@pytest.mark.parametrize("dtype", [">f4", "<f4", ">f8", "<f8"])
def test_byte_order_and_precision_of_the_input_do_not_matter(dtype):
    data, stat = random_cube(bad=0.05)
    plain = extract_spectra((data, stat, WAVE), [(12.3, 14.6)], RADII, method="center")
    given_data, given_stat = data.astype(dtype), stat.astype(dtype)
    copies = given_data.copy(), given_stat.copy()
    out = extract_spectra((given_data, given_stat, WAVE), [(12.3, 14.6)], RADII, method="center")
    for name in ("flux", "variance", "coverage"):
        np.testing.assert_array_equal(getattr(out, name), getattr(plain, name))
    np.testing.assert_array_equal(given_data, copies[0])  # the input is left as it was
    np.testing.assert_array_equal(given_stat, copies[1])


def test_blocks_of_layers_join_without_a_seam():
    n_wave = 2 * BLOCK_LAYERS + 3
    data, stat = random_cube((n_wave, 12, 12), bad=0.02)
    wave_aa = 4750 + 1.25 * np.arange(n_wave)
    out = extract_spectra((data, stat, wave_aa), [(5.2, 6.1)], (2.5,), method="center")
    single = [
        extract_spectra(
            (data[z : z + 1], stat[z : z + 1], wave_aa[z : z + 1]),
            [(5.2, 6.1)],
            (2.5,),
            method="center",
        )
        for z in range(n_wave)
    ]
    np.testing.assert_array_equal(out.flux, np.concatenate([s.flux for s in single], axis=2))
    np.testing.assert_array_equal(
        out.coverage, np.concatenate([s.coverage for s in single], axis=2)
    )


def test_exact_masks_are_those_of_photutils_and_the_variance_takes_their_squares():
    data, stat = random_cube((3, 40, 50))
    xy = [(20.37, 15.81), (8.0, 9.5), (48.6, 1.3)]
    out = extract_spectra((data, stat, WAVE[:3]), xy, RADII, method="exact")
    for s, position in enumerate(xy):
        for a, radius in enumerate(RADII):
            overlap = CircularAperture(position, radius).to_mask(method="exact")
            weight = overlap.to_image(data.shape[1:])
            flux = (weight * data.astype(float)).sum(axis=(1, 2))
            variance = (weight**2 * stat.astype(float)).sum(axis=(1, 2))
            np.testing.assert_allclose(out.flux[s, a], flux, rtol=1e-12)
            np.testing.assert_allclose(out.variance[s, a], variance, rtol=1e-12)
            share = weight.sum() / (math.pi * radius**2)
            np.testing.assert_allclose(out.coverage[s, a], share, rtol=1e-10)


def test_exact_masks_see_gaps():
    data = np.ones((2, 21, 21), "f4")
    data[1] = np.nan
    data[0, 10, 10] = np.nan
    out = extract_spectra(
        (data, np.ones_like(data), WAVE[:2]), [(10.2, 10.1)], (3.0,), method="exact"
    )
    assert out.coverage[0, 0, 0] == pytest.approx(1 - 1 / (9 * math.pi), rel=1e-10)
    assert out.flux[0, 0, 0] == pytest.approx(9 * math.pi - 1, rel=1e-10)
    assert out.coverage[0, 0, 1] == 0
    assert np.isnan(out.flux[0, 0, 1])


def test_a_path_a_cube_and_its_arrays_give_the_same(tmp_path):
    data, stat = random_cube((70, 20, 30), bad=0.02)
    wave_aa = 6000 + 12.5 * np.arange(70)
    path = write_exposure(tmp_path / "cube.fits", list(zip(data, stat, strict=True)), wave_aa)
    arrays = extract_spectra((data, stat, wave_aa), [(12.3, 9.6)], RADII, method="center")
    for source in (path, str(path), open_cube(path)):
        out = extract_spectra(source, [(12.3, 9.6)], RADII, method="center")
        for name in ("flux", "variance", "coverage"):
            np.testing.assert_array_equal(getattr(out, name), getattr(arrays, name))
        np.testing.assert_allclose(out.wave_aa, wave_aa, rtol=1e-14)


def test_a_read_only_memory_map_gives_the_same_and_can_be_read_again(tmp_path):
    data, _ = random_cube((150, 20, 30), bad=0.02)
    (tmp_path / "data.bin").write_bytes(b"12345678" + data.astype(">f4").tobytes())
    mapped = np.memmap(tmp_path / "data.bin", ">f4", "r", offset=8, shape=data.shape)
    wave_aa = np.arange(150.0)
    plain = extract_spectra((data, data, wave_aa), [(12.3, 9.6)], RADII, method="center")
    for _ in range(2):
        out = extract_spectra((mapped, mapped, wave_aa), [(12.3, 9.6)], RADII, method="center")
        np.testing.assert_array_equal(out.flux, plain.flux)


def test_changes_to_a_private_map_are_not_lost(tmp_path):
    data, _ = random_cube((150, 64, 64))
    data.astype(">f4").tofile(tmp_path / "data.bin")
    mapped = np.memmap(tmp_path / "data.bin", ">f4", "c", shape=data.shape)
    mapped += 1
    before = mapped.copy()
    extract_spectra((mapped, mapped, np.arange(150.0)), [(12.3, 9.6)], RADII, method="center")
    np.testing.assert_array_equal(mapped, before)


def test_an_unknown_mask_is_refused_by_name():
    data = np.ones((1, 5, 5), "f4")
    with pytest.raises(ConfigError, match="'centre'"):
        extract_spectra((data, data, WAVE[:1]), [(2.0, 2.0)], (1.0,), method="centre")


def test_a_file_that_is_no_cube_is_refused(tmp_path):
    (tmp_path / "x.fits").write_bytes(b"nothing")
    with pytest.raises(CubeUnreadable):
        extract_spectra(tmp_path / "x.fits", [(2.0, 2.0)], (1.0,), method="center")


@given(
    x=st.floats(5, 15), y=st.floats(5, 15), radius=st.floats(0.8, 4.5),
)  # fmt: skip
def test_exact_weights_inside_the_image_add_up_to_the_area(x, y, radius):
    apertures = aperture_weights(np.array([(x, y)]), np.array([radius]), (21, 21), "exact")
    assert apertures.weights.sum() == pytest.approx(math.pi * radius**2, rel=1e-9)
    assert apertures.totals[0, 0] == pytest.approx(math.pi * radius**2, rel=1e-9)


def test_every_method_is_entered_under_its_own_name_with_a_description():
    assert set(METHODS) >= {"center", "exact"}
    for name, method in METHODS.items():
        assert method.name == name
        assert len(method.description) > 20


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_keeps_the_axes_and_says_its_name(name):
    image = clean_image(
        FieldRecipe((60, 60), np.array([(20.3, 20.1), (40.2, 41.7)]), np.full(2, 1e4))
    )
    data = np.repeat(image[None].astype("f4"), len(WAVE), axis=0)
    out = extract_spectra(
        (data, np.ones_like(data), WAVE),
        [(20.3, 20.1), (40.2, 41.7), (np.nan, 3.0)],
        RADII,
        method=name,
    )
    for cube in (out.flux, out.variance, out.coverage):
        assert cube.shape == (3, len(RADII), len(WAVE))
    assert out.method == name
    assert np.isfinite(out.flux[:2]).all()
    assert (out.variance[:2] > 0).all()
    np.testing.assert_allclose(out.coverage[:2], 1.0, atol=1e-9)
    assert np.isnan(out.flux[2]).all()
    assert (out.coverage[2] == 0).all()


def test_the_default_method_is_exact():
    data, stat = random_cube()
    out = extract_spectra((data, stat, WAVE), [(20.3, 15.7)], RADII)
    exact = extract_spectra((data, stat, WAVE), [(20.3, 15.7)], RADII, method="exact")
    np.testing.assert_array_equal(out.flux, exact.flux)
    assert out.method == "exact"


def test_an_unknown_method_is_refused_with_those_that_are_known():
    with pytest.raises(ConfigError, match=r"'best' is unknown; known are: center, exact"):
        find_method("best")


def test_flagged_samples_are_missing_whatever_they_hold():
    data, stat = random_cube()
    dq = np.zeros(data.shape, np.int32)
    dq[2, 15, 20] = 1
    trail = data.copy()
    trail[2, 15, 20] = 1e5
    holed, holed_stat = data.copy(), stat.copy()
    holed[2, 15, 20] = holed_stat[2, 15, 20] = np.nan
    for method in ("center", "exact"):
        flagged = extract_spectra(
            CubeArrays(trail, stat, WAVE, dq), [(20.3, 15.7)], RADII, method=method
        )
        missing = extract_spectra((holed, holed_stat, WAVE), [(20.3, 15.7)], RADII, method=method)
        for name in ("flux", "variance", "coverage"):
            np.testing.assert_array_equal(getattr(flagged, name), getattr(missing, name))
        assert flagged.coverage[0, 0, 2] < 1


def test_the_settings_offer_every_module_of_methods_and_nothing_else():
    assert {module.name for module in pkgutil.iter_modules(methods.__path__)} == set(NAMES)

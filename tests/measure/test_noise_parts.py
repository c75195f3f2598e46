"""The parts of the measurement of noise, each at values that can be written down."""

import numpy as np
import pytest

from pipeline.config.passbands import Band
from pipeline.measure import noise
from pipeline.measure.noise import BlankNoise, blank_noise, blank_positions, noise_sigma
from pipeline.measure.spectra import Spectra

GOLDEN = (np.sqrt(5) - 1) / 2


def test_golden_numbers_fill_the_range_evenly_from_their_start():
    np.testing.assert_allclose(
        noise._golden(4, 0.0), [0, GOLDEN, 2 * GOLDEN - 1, 3 * GOLDEN - 1], atol=1e-12
    )
    np.testing.assert_allclose(noise._golden(2, 0.5), [0.5, GOLDEN - 0.5], atol=1e-12)


def places(image=None, sources=(), **more):
    """Blank apertures of 5 px in an image of 33 x 33: nine cells of 11 px."""
    image = np.zeros((33, 33)) if image is None else image
    xy = np.array(sources, float).reshape(-1, 2)
    return blank_positions(image, xy, radius_px=5.0, fwhm_px=2.0, **more)


def test_blank_apertures_fill_cells_of_their_diameter_each_at_its_own_place_in_the_spaxel():
    cells = 5.5 + 11 * np.array([(x, y) for y in range(3) for x in range(3)])
    grid = cells + np.column_stack([noise._golden(9, 0.0), noise._golden(9, 0.5)]) - 0.5
    row, column = np.indices((35, 35)) - 1.0
    off = (row < 0) | (row > 32) | (column < 0) | (column > 32)
    to_rim = np.hypot(column[off] - grid[:, :1], row[off] - grid[:, 1:]).min(axis=1)
    np.testing.assert_allclose(places(), grid[to_rim > 6])  # the aperture and a spaxel
    assert 0 < np.count_nonzero(to_rim > 6) < 9


def test_cells_end_with_the_image():
    assert len(places(np.zeros((60, 33)))) > len(places(np.zeros((55, 33))))
    assert places(np.zeros((33, 60)))[:, 0].max() < 60 - 6


def test_blank_apertures_keep_a_spaxel_away_from_what_is_to_be_avoided():
    image = np.zeros((77, 77))
    middle = next(tuple(xy) for xy in places(image) if abs(xy[0] - 38) < 6 and abs(xy[1] - 38) < 6)
    column, row = np.rint(middle).astype(int)
    for distance, kept in ((6, False), (7, True)):
        avoid = np.zeros(image.shape, bool)
        avoid[row, column + distance] = True
        assert (middle in {tuple(xy) for xy in places(image, avoid=avoid)}) is kept
    nothing = np.zeros(image.shape, bool)
    np.testing.assert_array_equal(places(image, avoid=nothing), places(image))


def test_blank_apertures_keep_two_and_a_half_widths_away_from_stars():
    image = np.zeros((77, 77))
    x, y = places(image)[len(places(image)) // 2]
    for distance, kept in ((9.99, False), (10.01, True)):  # 5 + 2.5 x 2
        found = {tuple(xy) for xy in places(image, [(x - distance, y)])}
        assert ((x, y) in found) is kept


def test_of_many_blank_apertures_some_are_taken_evenly_over_the_rows():
    image = np.zeros((120, 120))
    everything = places(image)
    assert len(everything) > 60
    np.testing.assert_array_equal(places(image, n_max=len(everything)), everything)
    few = places(image, n_max=3)
    rows = [0, round((len(everything) - 1) / 2), len(everything) - 1]
    np.testing.assert_array_equal(few, everything[rows])


N_PAIRS = 15
WAVE = 7000.0 + 30.0 * np.arange(2 * N_PAIRS)  # a layer is a narrow band
LEVEL = np.array([-1.0, 1.0, -1.0, 1.0])  # of four apertures, of median 0
SIGNS = np.where(np.random.default_rng(1).random((N_PAIRS, 1)) < 0.5, -1.0, 1.0)


def differing(amount=1.0, n_blank=4):
    """Fluxes (blank, layer) of which each pair of layers differs by plus or minus an amount."""
    level = np.resize(LEVEL, n_blank)
    differences = amount * np.roll(SIGNS, 3) * level
    return (
        np.dstack([differences, np.zeros_like(differences)]).transpose(1, 0, 2).reshape(n_blank, -1)
    )


def factor_of(flux, *, good=None, variance=1.0):
    good = np.isfinite(flux) if good is None else good
    return noise._factor(
        flux, np.full(flux.shape, variance), good, np.ones(flux.shape[1]), WAVE[: flux.shape[1]]
    )


def test_the_factor_is_the_median_difference_over_what_stat_says():
    factor, error = factor_of(differing(3.0), variance=2.0)
    # pulls of 3 / sqrt(2 + 2); each median takes one of four degrees of freedom
    assert factor == pytest.approx(1.4826 * 1.5 / np.sqrt(1 - 1 / 4), rel=1e-12)
    assert error == pytest.approx(factor / np.sqrt(2 * 0.37 * 60), rel=1e-12)


def test_what_neighbouring_bands_share_does_not_count():
    lifted = differing(3.0) + np.repeat(np.arange(4.0), 2 * N_PAIRS).reshape(4, -1) * 100
    assert factor_of(lifted)[0] == pytest.approx(factor_of(differing(3.0))[0], rel=1e-9)
    common = differing(3.0)
    common[:, ::2] += 50.0  # the same difference in all apertures
    assert factor_of(common)[0] == pytest.approx(factor_of(differing(3.0))[0], rel=1e-9)


def test_sixty_differences_tell_a_factor_and_fewer_do_not():
    flux = differing(1.0)
    assert np.isfinite(factor_of(flux)).all()
    flux[0, 1] = np.nan
    assert np.isnan(factor_of(flux)).all()


def test_a_difference_of_two_apertures_does_not_count():
    flux = differing(1.0, 8)  # 120 differences
    whole = factor_of(flux)
    flux[:, -2:] *= 1000  # the last pair stands out
    flux[3:, -1] = np.nan
    three = factor_of(flux)
    flux[2:, -1] = np.nan
    two = factor_of(flux)
    assert two[1] == pytest.approx(two[0] / np.sqrt(2 * 0.37 * 8 * (N_PAIRS - 1)), rel=1e-9)
    assert three[1] == pytest.approx(
        three[0] / np.sqrt(2 * 0.37 * (8 * (N_PAIRS - 1) + 3)), rel=1e-9
    )
    assert two[0] == pytest.approx(whole[0], rel=1e-9)


HADAMARD = np.array([[1.0]])
for _ in range(5):
    HADAMARD = np.block([[HADAMARD, HADAMARD], [HADAMARD, -HADAMARD]])


def test_a_pattern_is_taken_out_with_the_degrees_of_freedom_that_it_took():
    rows, columns = HADAMARD, HADAMARD[:16, :16]
    pattern = np.outer(rows[1], columns[2])
    rest = 0.01 * np.outer(rows[3], columns[5])
    # its singular value is sqrt(32 x 16) = 22.6; noise of that size would reach 1.4826 (5.7 + 4) = 14.3
    found = noise._without_pattern(pattern + rest)
    np.testing.assert_allclose(found, rest / np.sqrt((1 - 1 / 32) * (1 - 1 / 16)), atol=1e-9)


def test_what_noise_may_reach_is_no_pattern():
    pulls = np.outer(HADAMARD[1, :16], HADAMARD[2, :8])
    # 11.3 against 1.15 x 1.4826 x (4 + 2.8) = 11.6
    assert noise._without_pattern(pulls) is pulls


def layers(n, first=2, step_aa=10.0, more=4):
    """Wavelengths and weights of which ``n`` layers from ``first`` on count."""
    wave_aa = 5000 + step_aa * np.arange(first + n + more)
    weight = np.zeros(len(wave_aa))
    weight[first : first + n] = 0.5
    return wave_aa, weight


def test_narrow_bands_are_whole_groups_of_thirty_angstrom_within_the_band():
    assert noise._narrow_bands(*layers(9)) == [slice(2, 5), slice(5, 8), slice(8, 11)]
    assert noise._narrow_bands(*layers(8)) == [slice(2, 5), slice(5, 8)]
    assert noise._narrow_bands(*layers(2, step_aa=50.0)) == [slice(2, 3), slice(3, 4)]
    assert noise._narrow_bands(*layers(2, step_aa=100.0)) == [slice(2, 3), slice(3, 4)]
    assert noise._narrow_bands(*layers(1)) == []


def test_a_mean_over_layers_is_weighted_and_missing_where_a_layer_is():
    flux, variance = np.array([[1.0, 3.0], [1.0, np.nan]]), np.array([[2.0, 4.0], [2.0, 4.0]])
    mean, error = noise._means(flux, variance, np.isfinite(flux), np.array([1.0, 3.0]))
    np.testing.assert_allclose(mean, [(1 + 9) / 4, np.nan])
    np.testing.assert_allclose(error, [(2 + 9 * 4) / 16, np.nan])


def background_of(flux, monkeypatch, *, good=None, factor=1.0, weight=(1.0,), variance=1.0):
    monkeypatch.setattr(noise, "_without_surface", lambda value, _: value)
    flux = np.asarray(flux, float)
    good = np.ones(flux.shape, bool) if good is None else good
    return noise._background(
        flux, np.full(flux.shape, variance), good, np.array(weight),
        np.zeros((len(flux), 2)), factor,
    )  # fmt: skip


def test_the_background_is_what_exceeds_independent_noise(monkeypatch):
    flux = 2.0 * np.resize([1.0, -1.0], (30, 1))
    # chi squared of 4 each, 30 of them, ten degrees of freedom gone to the surface
    assert background_of(flux, monkeypatch) == pytest.approx(np.sqrt(4 * 30 / 20 - 1), rel=1e-12)
    found = background_of(4 * flux, monkeypatch, factor=2.0, variance=3.0)
    assert found == pytest.approx(np.sqrt((64 / 12 * 30 / 20 - 1) * 12), rel=1e-12)


def test_an_excess_within_its_sampling_error_is_no_background(monkeypatch):
    signs = np.resize([1.0, -1.0], (30, 1))
    # 2.5 sqrt(2 / 20) = 0.79 more than 1
    for chi_squared, seen in ((1.78, False), (1.80, True)):
        flux = np.sqrt(chi_squared * 20 / 30) * signs
        assert (background_of(flux, monkeypatch) > 0) is seen


def test_fewer_than_24_apertures_tell_no_background(monkeypatch):
    flux = 9.0 * np.resize([1.0, -1.0], (24, 1))
    assert background_of(flux, monkeypatch) > 0
    assert background_of(flux[:23], monkeypatch) == 0


def test_an_aperture_with_half_of_the_band_tells_no_background(monkeypatch):
    flux = np.repeat(9.0 * np.resize([1.0, -1.0], (24, 1)), 4, axis=1)
    good = np.ones(flux.shape, bool)
    good[0, 0] = False
    weights = {"weight": (1.0, 1.0, 1.0, 1.0), "good": good}
    # a layer less: the mean stays, its variance is 1/3 in place of 1/4
    expected = np.append(np.full(23, 81 * 4), 81 * 3).sum() / 14
    found = background_of(flux, monkeypatch, **weights)
    assert found == pytest.approx(np.sqrt((expected - 1) / 4), rel=1e-12)
    good[0, 1] = False
    assert background_of(flux, monkeypatch, **weights) == 0


def test_a_cubic_surface_goes_and_what_stands_out_is_missing():
    rng = np.random.default_rng(2)
    xy = np.column_stack([rng.uniform(20, 300, 60), rng.uniform(50, 150, 60)])
    x, y = ((xy - xy.min(axis=0)) / np.ptp(xy, axis=0)).T
    surface = 100 + 30 * x**3 - 20 * y**3 + 10 * x * y**2 + 5 * x**2 * y
    values = rng.normal(0, 1, 60)
    lifted = values + surface
    lifted[[7, 30]] += (50.0, -50.0)
    found = noise._without_surface(lifted, xy)
    assert np.flatnonzero(np.isnan(found)).tolist() == [7, 30]
    terms = np.column_stack([x**i * y**j for i in range(4) for j in range(4) if i + j < 4])
    rest = np.delete(values, [7, 30])
    design = np.delete(terms, [7, 30], axis=0)
    expected = rest - design @ np.linalg.lstsq(design, rest, rcond=None)[0]
    np.testing.assert_allclose(np.delete(found, [7, 30]), expected, atol=1e-8)


def test_what_lies_four_standard_deviations_off_the_surface_is_still_noise():
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(12.0), np.arange(12.0)))
    values = np.where((x + y) % 2 == 0, 1.0, -1.0)  # a surface cannot follow it
    beyond = {}
    for size in (5.7, 6.3):  # 4 x 1.4826 = 5.9, less what the surface gives way
        lifted = values.copy()
        lifted[66] = size
        beyond[size] = np.isnan(noise._without_surface(lifted, np.column_stack([x, y])))[66]
    assert beyond == {5.7: False, 6.3: True}


def spectra(flux, *, variance=None, coverage=None):
    flux = np.asarray(flux, float)[:, None]
    one = np.ones_like(flux)
    return Spectra(
        flux,
        one if variance is None else variance,
        one if coverage is None else coverage,
        WAVE,
        np.array([3.0]),
        "exact",
    )


def test_samples_enter_with_data_a_variance_and_enough_coverage():
    band = Band("box", WAVE[[0, -1]], np.ones(2), "test")
    flux = differing(1.0, 8)
    xy = np.zeros((8, 2))
    n_all = 8 * (N_PAIRS)

    def n_used(**changed):
        found = blank_noise(spectra(flux, **changed), xy, band, min_coverage=0.5)
        assert found.n_blank == 8
        return round((found.factor[0] / found.factor_err[0]) ** 2 / (2 * 0.37))

    whole = n_used()
    coverage = np.ones((8, 1, len(WAVE)))
    coverage[0, 0, 5] = 0.5
    assert n_used(coverage=coverage) == whole == n_all
    coverage[0, 0, 5] = 0.49
    assert n_used(coverage=coverage) == whole - 1
    variance = np.ones((8, 1, len(WAVE)))
    variance[2, 0, 7] = 0.0
    assert n_used(variance=variance) == whole - 1


def test_a_factor_of_one_is_stat_itself():
    exactly = BlankNoise(np.array([1.0, 1.001]), np.full(2, 0.02), np.zeros(2), 64)
    out, source = noise_sigma(np.array([[2.0, 2.0]]), exactly)
    np.testing.assert_allclose(out, [[2.0, 2.002]])
    assert source.tolist() == ["STAT", "blank sky"]
    assert noise_sigma(np.ones((1, 1)), None, stat_factor=0.5)[0].item() == 0.5

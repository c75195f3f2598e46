"""The parts of the fit of a PSF, each at values that can be written down."""

import numpy as np
import pytest

from pipeline.measure import psf_fit
from pipeline.measure.psf_fit import KnotImages
from pipeline.measure.psf_model import FWHM_PER_SIGMA, star_images
from pipeline.measure.psf_system import build_system, build_windows
from tests.measure.psf_stars import SHARES, WAVE, field, knots_of, psf_of, stars


def steps_of(xy, windows, knots, psf):
    systems = [build_system(windows, *psf.at(k, xy)) for k in range(len(knots.wave_aa))]
    return psf_fit._steps(windows, xy, knots, psf, systems)


def test_knots_lie_between_zero_and_one():
    np.testing.assert_allclose(psf_fit._position(WAVE), [0, 0.25, 0.5, 1])
    np.testing.assert_allclose(psf_fit._position(WAVE[:1]), [0])


def test_more_than_three_knots_are_smoothed_by_a_parabola():
    values = np.array([1.0, 5.0, 2.0])
    assert psf_fit._smoothed(WAVE[:3], values) is values
    parabola = 1 + 2 * psf_fit._position(WAVE) - 3 * psf_fit._position(WAVE) ** 2
    np.testing.assert_allclose(psf_fit._smoothed(WAVE, parabola), parabola, atol=1e-12)
    rough = np.array([0.0, 1.0, 0.0, 0.0])
    place = psf_fit._position(WAVE)
    expected = np.polyval(np.polyfit(place, rough, 2), place)
    np.testing.assert_allclose(psf_fit._smoothed(WAVE, rough), expected, atol=1e-12)


def test_no_star_counts_for_more_than_a_hundred_usual_ones():
    values = np.array([[1.0, 2.0, 10.0]])
    np.testing.assert_allclose(
        psf_fit._weighted(values, np.array([[1.0, 1.0, 3.0]])), (1 + 2 + 30) / 5
    )
    np.testing.assert_allclose(
        psf_fit._weighted(values, np.array([[1.0, 1.0, 1e9]])), (1 + 2 + 1000) / 102
    )
    np.testing.assert_allclose(psf_fit._weighted(values, np.zeros((1, 3))), 13 / 3)
    np.testing.assert_allclose(psf_fit._weighted(values, np.array([[0.0, 0.0, 5.0]])), 10)


def cores(snr, *, n_knots=1, pairs=()):
    """Windows of one core each whose signal-to-noise ratio is given, on a level of 3."""
    _, windows = field(len(snr))
    distance = np.hypot(windows.offsets.x, windows.offsets.y)
    core = distance <= 3
    light = np.asarray(snr, float)[:, None] * core / np.sqrt(core.sum() * n_knots)
    data = np.broadcast_to(light + 3.0, (n_knots, *light.shape))
    if pairs:
        other = {
            "window": np.array([a for a, _ in pairs]),
            "other": np.array([b for _, b in pairs]),
        }
        windows = type(windows)(**{**vars(windows), **other})
    return windows, knots_of(data)


def bright(snr, candidates=None, **more):
    windows, knots = cores(snr, **more)
    told = np.ones(len(snr), bool) if candidates is None else np.array(candidates)
    return psf_fit._bright(windows, knots, told).tolist()


def test_stars_above_twenty_sigma_tell_the_psf_or_else_the_best_three():
    assert bright([100, 20.1, 19.9, 25, 30]) == [0, 1, 3, 4]
    assert bright([100, 15, 10, 5]) == [0, 1, 2]
    assert bright([100, 15]) == [0, 1]
    assert bright([100, 15, 10, 5], n_knots=3) == [0, 1, 2]
    assert bright([100, 90, 80, 70], [True, False, True, True]) == [0, 2, 3]


def test_a_neighbour_above_five_sigma_is_fitted_along():
    told = [True, True, True, False, False, True, False]
    pairs = [(0, 3), (0, 4), (5, 6)]  # star 5 is too faint: its neighbour does not matter
    assert bright([100, 50, 40, 5.1, 4.9, 4.9, 60], told, pairs=pairs) == [0, 1, 2, 3]


def test_at_most_forty_stars_tell_the_psf():
    found = bright([*range(100, 140), 99, 98])
    assert found == list(range(40))


def test_pixels_without_data_have_no_part_in_the_noise():
    windows, knots = cores([30.0, 30.0, 30.0, 15.0])
    noise = knots.noise.copy()
    noise[0, 3, np.hypot(windows.offsets.x, windows.offsets.y) > 1.5] = np.inf
    # nine spaxels of noise in place of 29: the same light stands out by 27 sigma
    knots = KnotImages(knots.wave_aa, knots.data, noise)
    assert psf_fit._bright(windows, knots, np.ones(4, bool)).tolist() == [0, 1, 2, 3]
    dark = KnotImages(knots.wave_aa, knots.data, np.full(noise.shape, np.inf))
    assert psf_fit._bright(windows, dark, np.array([False, True, True, True])).tolist() == [1, 2, 3]


@pytest.mark.parametrize("fwhm", [2.8, 4.3, 7.5])
def test_the_first_width_is_that_which_leaves_least(fwhm):
    xy, windows = field()
    start = np.array([0, 0.5, 0.5, 0, 0, 0])
    true = stars(windows, xy, [9e3, 5e3, 7e3, 6e3], fwhm / FWHM_PER_SIGMA, start)
    wrong = stars(windows, xy, [9e3, 5e3, 7e3, 6e3], 1.0, start)
    psf = psf_fit._start(windows, xy, knots_of([wrong, true, wrong]), np.ones(4, bool))
    np.testing.assert_allclose(psf.sigma_px, np.full(3, fwhm / FWHM_PER_SIGMA))
    np.testing.assert_array_equal(psf.shares, np.tile(start, (3, 1)))
    assert not psf.shift_px.any()
    assert not psf.offset_px.any()
    assert not psf.width.at(xy).any()


def test_the_first_width_is_that_of_the_ten_brightest_candidates():
    xy, windows = field(24, apart=25.0)
    start = np.array([0, 0.5, 0.5, 0, 0, 0])
    widths = np.full(24, 7.5)
    widths[:10] = 2.8
    flux = np.full(24, 3e4)
    flux[:10], flux[23] = 4e4, 9e5
    data = stars(windows, xy, flux, widths / FWHM_PER_SIGMA, start)
    told = np.arange(24) < 23  # the brightest of all is no candidate
    psf = psf_fit._start(windows, xy, knots_of([data]), told)
    np.testing.assert_allclose(psf.sigma_px, 2.8 / FWHM_PER_SIGMA)


def test_what_a_fit_leaves_is_without_fluxes_neighbours_and_planes():
    xy = np.array([(20.2, 20.4), (27.9, 21.0)])
    windows = build_windows(xy, 9.0, 9.0, (50, 50))
    system = build_system(windows, xy, np.full(2, 1.7), SHARES)
    flux = np.array([100.0, 30.0])
    data = np.zeros((2, len(windows.offsets.x)))
    for window in range(2):
        for star in range(2):
            shift = (xy[star] - windows.centre[window])[None]
            data[window] += (
                flux[star] * star_images(windows.offsets, shift, np.array([1.7]), SHARES)[0]
            )
        data[window] += 5 + 0.3 * windows.offsets.x - 0.2 * windows.offsets.y
    rest, found, others = psf_fit._residual(system, windows, data[..., None])
    np.testing.assert_allclose(found[:, 0], flux, rtol=1e-6)
    np.testing.assert_allclose(rest, 0.0, atol=1e-5)
    beside = star_images(
        windows.offsets, (xy[1] - windows.centre[0])[None], np.array([1.7]), SHARES
    )
    np.testing.assert_allclose(others[0, :, 0], 30 * beside[0], rtol=1e-5, atol=1e-6)


def test_the_steps_are_what_width_and_place_are_wrong_by():
    xy, windows = field()
    shift, grown = np.array([0.03, -0.02]), 0.02
    data = stars(windows, xy + shift, [9e3, 5e3, 7e3, 6e3], 1.7 * np.exp(grown), sky=10.0)
    steps = steps_of(xy, windows, knots_of([data, data]), psf_of(xy, 2))
    np.testing.assert_allclose(steps.ln_width, grown, rtol=0.06)
    np.testing.assert_allclose(steps.shift, np.broadcast_to(shift, (2, 4, 2)), rtol=0.06)
    assert (steps.purity == 0).all()


def test_a_step_is_limited():
    xy, windows = field()
    data = stars(windows, xy + np.array([4.0, -4.0]), [9e3] * 4, 5.0)
    steps = steps_of(xy, windows, knots_of([data]), psf_of(xy, 1))
    assert np.abs(steps.ln_width).max() == 0.3
    assert np.abs(steps.shift).max() == 1.0


def test_information_and_signal_to_noise_are_those_of_repeated_noise():
    xy, windows = field(1)
    clean = stars(windows, xy, [2e3], 1.7)
    rng = np.random.default_rng(5)
    n, level = 300, 2.0
    data = clean + rng.normal(0, level, (n, *clean.shape))
    knots = KnotImages(np.arange(n, dtype=float), data, np.full(data.shape, level))
    steps = steps_of(xy, windows, knots, psf_of(xy, n))
    # a variance of 300 draws is known to sqrt(2 / 300) = 8 %: allow 4 of those; the weights are not
    # those of equal noise, which information takes them for: within a factor of two
    assert 1 / steps.ln_width.var() == pytest.approx(steps.information.mean(), rel=1.0)
    assert 1 / steps.shift[..., 0].var() == pytest.approx(steps.information_shift.mean(), rel=1.0)
    for name in ("information", "information_shift"):
        double = KnotImages(knots.wave_aa[:1], 2 * knots.data[:1], 2 * knots.noise[:1])
        one = steps_of(
            xy, windows, KnotImages(knots.wave_aa[:1], data[:1], knots.noise[:1]), psf_of(xy, 1)
        )
        other = steps_of(xy, windows, double, psf_of(xy, 1))
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-6)
    system = build_system(windows, *psf_of(xy, 1).at(0, xy))
    own = np.sqrt((system.weight * system.image**2).sum())
    assert np.median(steps.snr) == pytest.approx(2e3 * own / level, rel=0.01)


def test_information_is_the_inverse_variance_of_each_term_beside_the_others():
    xy, windows = field(2)
    psf, level = psf_of(xy, 1), 2.0
    system = build_system(windows, *psf.at(0, xy))
    flux = np.array([2e3, 5e3])
    data = stars(windows, xy, flux, 1.7)
    steps = steps_of(xy, windows, knots_of([data], noise=level), psf)
    for star in range(2):
        design = flux[star] * psf_fit._derivatives(windows, *psf.at(0, xy), system)[star]
        normal = (design * system.weight[star]) @ design.T
        inverse = np.diag(np.linalg.inv(normal))
        assert steps.information[0, star] == pytest.approx(1 / (inverse[1] * level**2), rel=1e-5)
        assert steps.information_shift[0, star] == pytest.approx(
            1 / (inverse[2] * level**2), rel=1e-5
        )


def test_a_star_without_noise_or_light_tells_nothing():
    xy, windows = field(2)
    data = stars(windows, xy, [2e3, 0.0], 1.7)
    steps = steps_of(xy, windows, knots_of([data], noise=0.0), psf_of(xy, 1))
    assert not steps.information.any()
    assert not steps.snr.any()
    unknown = steps_of(xy, windows, knots_of([data], noise=np.inf), psf_of(xy, 1))
    assert not unknown.information_shift.any()


def test_purity_is_the_light_of_others_over_a_stars_own_at_their_peaks():
    xy = np.array([(20.2, 20.4), (27.9, 21.0)])
    windows = build_windows(xy, 9.0, 9.0, (50, 50))
    images = [
        star_images(windows.offsets, xy - windows.centre[k], np.full(2, 1.7), SHARES)
        for k in range(2)
    ]
    flux = np.array([1000.0, 250.0])
    data = np.array([flux @ one for one in images])
    steps = steps_of(xy, windows, knots_of([data]), psf_of(xy, 1))
    expected = [
        flux[1 - k] * images[k][1 - k].max() / (flux[k] * images[k][k].max()) for k in range(2)
    ]
    np.testing.assert_allclose(steps.purity[0], expected, rtol=1e-4)


def test_derivatives_are_those_of_the_image_less_their_planes():
    xy, windows = field(1)
    sigma = np.array([1.7])
    system = build_system(windows, xy, sigma, SHARES)
    found = psf_fit._derivatives(windows, xy, sigma, SHARES, system)

    def image(dx=0.0, dy=0.0, ln_width=0.0):
        shift = xy - windows.centre + (dx, dy)
        return star_images(windows.offsets, shift, sigma * np.exp(ln_width), SHARES)

    e = 1e-4
    parts = [
        image(), (image(ln_width=e) - image(ln_width=-e)) / (2 * e),
        (image(dx=e) - image(dx=-e)) / (2 * e), (image(dy=e) - image(dy=-e)) / (2 * e),
    ]  # fmt: skip
    basis = np.stack(
        [np.ones(len(windows.offsets.x)), windows.offsets.x, windows.offsets.y], axis=1
    )
    root = np.sqrt(system.weight[0])[:, None]
    for index, part in enumerate(parts):
        plane = np.linalg.lstsq(basis * root, part[0] * root[:, 0], rcond=None)[0]
        np.testing.assert_allclose(found[0, index], part[0] - basis @ plane, atol=2e-5)


def chosen(snr, purity, candidates=None):
    n = len(snr)
    zero = np.zeros((2, n))
    # half of the squared signal to noise in each knot
    steps = psf_fit._Steps(
        zero, zero[..., None], zero, zero, np.tile(np.asarray(snr) / np.sqrt(2), (2, 1)),
        np.array([np.zeros(n), purity]),
    )  # fmt: skip
    return psf_fit._chosen(
        steps, np.ones(n, bool) if candidates is None else np.array(candidates)
    ).tolist()


def test_bright_stars_with_little_light_of_others_are_chosen():
    clean = [0.0] * 5
    assert chosen([50, 30, 21, 19, 40], clean) == [0, 1, 2, 4]
    assert chosen([50, 30, 21, 40, 40], [0.019, 0.021, 0.019, 0.019, 0.029]) == [0, 2, 3]
    assert chosen([50, 30, 40, 60], [0.0] * 4, [True, True, False, True]) == [0, 1, 3]
    assert chosen([50] * 41 + [60], [0.0] * 42) == [*range(39), 41]


def test_with_fewer_than_three_such_stars_blended_ones_and_then_faint_ones_are_chosen():
    assert chosen([50, 30, 40, 10], [0.0, 0.5, 0.5, 0.0]) == [0, 1, 2]
    assert chosen([50, 10, 15, 0], [0.0, 0.5, 0.5, 0.0]) == [0, 1, 2]
    assert chosen([50, 10], [0.0, 0.5]) == [0, 1]
    assert chosen([50, -10, 10], [0.0, 0.0, 0.0]) == [0, 2]
    assert chosen([0, 0], [0.0, 0.0], [False, True]) == [1]


def moved(steps, xy, psf=None, *, widths=True, rows=None):
    psf = psf or psf_of(xy, len(steps["ln_width"]))
    values = {"snr": None, "purity": None, **steps}
    rows = np.arange(len(xy)) if rows is None else rows
    return psf_fit._updated(psf, xy, psf_fit._Steps(**values), rows, widths=widths)


def steps_like(n_knots, n, *, ln_width=0.0, shift=(0.0, 0.0), information=1e6):
    shape = (n_knots, n)
    return {
        "ln_width": np.full(shape, ln_width), "shift": np.broadcast_to(shift, (*shape, 2)).copy(),
        "information": np.full(shape, information), "information_shift": np.full(shape, information),
    }  # fmt: skip


def test_a_common_step_moves_the_width_and_the_shift_of_its_knot():
    xy, _ = field()
    steps = steps_like(3, 4, ln_width=0.1, shift=(0.2, -0.1))
    steps["ln_width"][1] = 0.3
    steps["shift"][1] = (0.5, 0.4)
    psf = moved(steps, xy)
    np.testing.assert_allclose(psf.sigma_px, 1.7 * np.exp([0.1, 0.3, 0.1]))
    np.testing.assert_allclose(psf.shift_px, [(0.2, -0.1), (0.5, 0.4), (0.2, -0.1)])
    np.testing.assert_allclose(psf.offset_px, 0, atol=1e-12)
    np.testing.assert_allclose(psf.width.at(xy), 0, atol=1e-12)
    np.testing.assert_array_equal(moved(steps, xy, widths=False).sigma_px, np.full(3, 1.7))


def test_a_star_beside_the_others_has_an_offset_that_a_prior_holds_back():
    xy, _ = field()
    steps = steps_like(2, 4, information=400.0)  # two knots: 800 against 1 / 0.05^2 = 400
    steps["shift"][:, 0] = (0.04, -0.08)
    steps["shift"][:, 1] = (-0.04, 0.08)
    psf = moved(steps, xy)
    expected = np.zeros((4, 2))
    expected[0], expected[1] = np.array([0.04, -0.08]) * 2 / 3, np.array([-0.04, 0.08]) * 2 / 3
    np.testing.assert_allclose(psf.offset_px, expected, atol=1e-12)
    steps["shift"][:, 0], steps["shift"][:, 1] = (0.9, -0.9), (-0.9, 0.9)
    far = moved(steps, xy).offset_px
    np.testing.assert_allclose(far[:2], [(0.2, -0.2), (-0.2, 0.2)], atol=1e-12)


def test_offsets_go_on_from_where_they_were():
    xy, _ = field()
    before = psf_of(xy, 2, offset_px=np.full((4, 2), 0.03), shift_px=np.full((2, 2), 0.5))
    psf = moved(steps_like(2, 4, shift=(0.1, 0.1), information=1e9), xy, before)
    np.testing.assert_allclose(psf.offset_px, 0.03, rtol=1e-5)
    np.testing.assert_allclose(psf.shift_px, 0.6)


def test_only_the_chosen_stars_move_the_psf():
    xy, _ = field()
    steps = steps_like(2, 4, ln_width=0.1)
    steps["ln_width"][:, 3] = 0.9
    psf = moved(steps, xy, rows=np.array([0, 1, 2]))
    np.testing.assert_allclose(psf.sigma_px, 1.7 * np.exp(0.1))


def test_widths_that_differ_over_the_field_bend_its_surface():
    rng = np.random.default_rng(6)
    xy = rng.uniform(0, 300, (40, 2))
    local = 0.02 * (xy[:, 0] / 150 - 1)
    steps = steps_like(2, 40, information=1e8)
    steps["ln_width"] += local
    found = moved(steps, xy).width.at(xy)
    np.testing.assert_allclose(found, local - local.mean(), atol=2e-3)
    half = psf_of(xy, 2, width=moved(steps, xy).width)
    again = moved(steps, xy, half).width.at(xy)
    np.testing.assert_allclose(again, 2 * (local - local.mean()), atol=4e-3)

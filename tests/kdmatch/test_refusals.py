"""Each way to fail: bad input is a ValueError that names it, chance is a NoMatch that says why."""

import time

import numpy as np
import pytest

import kdmatch
from kdmatch.synthetic import affine_of, simulate_pair
from tests.kdmatch.common import unrelated

GOOD = np.random.default_rng(0).uniform(0, 300, (10, 2))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 2e9])
@pytest.mark.parametrize("side", ["reference_xy", "target_xy"])
def test_a_position_that_is_not_finite_is_named(side, bad):
    wrong = GOOD.copy()
    wrong[3, 1] = bad
    arguments = {"reference_xy": GOOD, "target_xy": GOOD, side: wrong}
    with pytest.raises(ValueError, match=rf"{side}\[3, 1\] is"):
        kdmatch.match(**arguments)


@pytest.mark.parametrize("shape", [(10,), (10, 3), (2, 5, 2), (0, 3)])
def test_a_wrong_shape_is_named(shape):
    with pytest.raises(ValueError, match=r"target_xy must have shape \(n, 2\)"):
        kdmatch.match(GOOD, np.ones(shape))


def test_text_is_refused():
    with pytest.raises(ValueError, match="reference_xy must be numbers"):
        kdmatch.match([["a", "b"]], GOOD)


def test_too_many_rows_are_refused_before_anything_is_allocated():
    rows = np.broadcast_to(np.zeros((1, 2)), (1_000_001, 2))
    with pytest.raises(ValueError, match="1000001 rows"):
        kdmatch.match(rows, GOOD)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tolerance_px", 0.0),
        ("tolerance_px", -1.0),
        ("tolerance_px", np.nan),
        ("scale_range", (2.0, 0.5)),
        ("scale_range", (0.0, 1.0)),
        ("max_shear", -0.1),
        ("max_shear", 1.5),
        ("max_false_alarm", 0.0),
        ("max_false_alarm", 1.0),
        ("max_field_error_px", 0.0),
        ("max_candidates", 0),
        ("max_work", 0),
        ("fixed", [[1.0, np.nan]]),
        ("prior", [[1, 0], [0, 1]]),
        ("prior", [[np.nan, 0, 0], [0, 1, 0]]),
    ],
)
def test_an_argument_out_of_its_limits_is_named(name, value):
    with pytest.raises(ValueError, match=name):
        kdmatch.match(GOOD, GOOD, **{name: value})


@pytest.mark.parametrize("n", range(4))
def test_fewer_than_four_stars_are_no_match(n):
    for pair in ((GOOD[:n], GOOD), (GOOD, GOOD[:n]), (GOOD[:n], GOOD[:n])):
        with pytest.raises(kdmatch.NoMatch, match="fewer than 4 distinct stars"):
            kdmatch.match(*pair)


def test_an_empty_list_is_an_empty_catalogue():
    with pytest.raises(kdmatch.NoMatch) as caught:
        kdmatch.match([], GOOD)
    assert (caught.value.n_reference, caught.value.n_target) == (0, 10)


def test_four_stars_agree_too_easily_to_be_accepted():
    with pytest.raises(kdmatch.NoMatch, match="chance"):
        kdmatch.match(GOOD[:4], GOOD[:4] + 5, max_false_alarm=1e-6)


@pytest.mark.parametrize("slope", [(1, 0), (0, 1), (1, 0.3)])
def test_stars_on_a_line_are_no_match(slope):
    line = np.linspace(0, 300, 20)[:, None] * slope
    for pair in ((line, GOOD), (GOOD, line), (line, line)):
        with pytest.raises(kdmatch.NoMatch, match="lie on a line"):
            kdmatch.match(*pair)


def test_one_position_repeated_is_one_star():
    with pytest.raises(kdmatch.NoMatch) as caught:
        kdmatch.match(np.ones((50, 2)), GOOD)
    assert caught.value.n_reference == 1


@pytest.mark.slow
@pytest.mark.parametrize(("n", "trials"), [(6, 300), (8, 300), (12, 200), (25, 100), (60, 20)])
def test_unrelated_catalogues_never_match(n, trials):
    for seed in range(trials):
        with pytest.raises(kdmatch.NoMatch):
            kdmatch.match(*unrelated(n, seed))


@pytest.mark.slow
def test_unrelated_clusters_never_match():
    """Stars crowd in the middle of both fields: the density that counts is the local one."""
    for seed in range(40):
        rng = np.random.default_rng([seed, 1])
        first, second = rng.normal(150, 40, (2, 25, 2))
        with pytest.raises(kdmatch.NoMatch):
            kdmatch.match(first, second)


def test_a_refusal_says_what_was_tried():
    with pytest.raises(kdmatch.NoMatch) as caught:
        kdmatch.match(*unrelated(25, 0), max_false_alarm=1e-5)
    error = caught.value
    assert (error.n_reference, error.n_target) == (25, 25)
    assert 4 <= error.best_pairs < error.needed_pairs <= 25
    assert error.false_alarm_probability > error.max_false_alarm == 1e-5
    assert error.n_candidates > error.n_plausible >= error.n_verified >= 0
    for text in ("25 reference and 25 target", f"best {error.best_pairs} pairs", "needed"):
        assert text in str(error)


def test_a_lattice_is_ambiguous():
    grid = np.stack(np.meshgrid(np.arange(6.0), np.arange(6.0)), axis=-1).reshape(-1, 2) * 50
    for prior in (None, [[1, 0, 0], [0, 1, 0]]):
        with pytest.raises(kdmatch.NoMatch, match="two different transformations"):
            kdmatch.match(grid, grid + np.array([3, 4]), prior=prior)


def test_a_ring_that_can_be_turned_is_ambiguous():
    angle = 2 * np.pi * np.arange(6) / 6
    spokes = np.concatenate([r * np.column_stack([np.cos(angle + p), np.sin(angle + p)])
                             for r, p in ((50, 0), (80, 0.2), (140, 0.3))])  # fmt: skip
    for prior in (None, [[1, 0, 0], [0, 1, 0]]):
        with pytest.raises(kdmatch.NoMatch, match="two different transformations"):
            kdmatch.match(spokes, spokes, prior=prior)


def test_pairs_at_one_end_of_a_field_do_not_determine_the_other():
    rng = np.random.default_rng(5)
    here = rng.uniform(0, 60, (12, 2))
    far = rng.uniform(3000, 3060, (12, 2))
    reference = np.concatenate([here, far])
    target = here + rng.normal(0, 0.1, (12, 2))
    with pytest.raises(kdmatch.NoMatch, match="uncertain over the field"):
        kdmatch.match(reference, target)
    found = kdmatch.match(reference, target, max_field_error_px=np.inf)
    assert len(found.pairs) == 12


def test_the_budget_of_candidates_is_kept():
    with pytest.raises(kdmatch.NoMatch, match="budget") as caught:
        kdmatch.match(*unrelated(60, 1), max_candidates=500)
    assert caught.value.n_candidates == 500


def crowds(seed, n=400):
    """Independent fields so dense that every hypothesis finds some partners."""
    rng = np.random.default_rng([seed, 8])
    return rng.uniform(0, 1, (2, n, 2)) * [319, 313]


def test_a_hopeless_search_ends_within_its_budget_and_says_what_was_tried():
    """One hypothesis may be under way when the budget ends: 60 rounds over 400 stars at 7 units."""
    with pytest.raises(kdmatch.NoMatch, match="budget of work") as caught:
        kdmatch.match(*crowds(0), tolerance_px=2.0, max_work=3_000_000)
    assert 3_000_000 <= caught.value.work < 3_000_000 + 2 * 60 * 400 * 7
    assert "candidates" in str(caught.value)
    assert caught.value.n_verified > 0


def test_work_is_counted_and_not_timed():
    """The same search twice does the same work: load and clock have no part in it."""
    work = set()
    for _ in range(2):
        with pytest.raises(kdmatch.NoMatch) as caught:
            kdmatch.match(*crowds(1), tolerance_px=2.0, max_work=2_000_000)
        work.add((caught.value.work, caught.value.n_candidates, str(caught.value)))
    assert len(work) == 1


@pytest.mark.slow
def test_the_default_budget_is_two_seconds_of_cpu_time():
    """The longest kinds of search; a busy machine counts up to twice the time of a quiet one."""
    for seed in range(2):
        start = time.process_time()
        with pytest.raises(kdmatch.NoMatch):
            kdmatch.match(*crowds(seed + 10), tolerance_px=0.7, allow_reflection=True)
        assert time.process_time() - start < 2


def test_a_stricter_limit_refuses_what_a_looser_one_accepts():
    pair = simulate_pair(8, affine_of(), missing=0.25, spurious=0.25, seed=1)
    found = kdmatch.match(pair.reference, pair.target)
    with pytest.raises(kdmatch.NoMatch, match="chance"):
        kdmatch.match(
            pair.reference, pair.target, max_false_alarm=found.false_alarm_probability / 2
        )

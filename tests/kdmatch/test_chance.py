"""The stated probability is the documented formula, and unrelated catalogues respect it."""

import itertools

import numpy as np
import pytest
from scipy.spatial import ConvexHull

import kdmatch
from kdmatch.synthetic import affine_of
from tests.kdmatch.common import unrelated

SHEAR, LOW, HIGH = 0.1, 0.5, 2.0


def ratio_limit(shear):
    return shear / np.sqrt(4 + shear**2)


def linear_volume(low, high, ratio):
    return 2 * np.pi**2 * (high**4 - low**4) * ratio**2 / (1 - ratio**2)


def field_area(stars):
    hull = ConvexHull(stars)
    corners = stars[hull.vertices]
    rectangles = []
    for side in np.roll(corners, -1, axis=0) - corners:
        along = side / np.hypot(*side)
        across = np.array([-along[1], along[0]])
        rectangles.append(np.ptp(stars @ along) * np.ptp(stars @ across))
    guess = hull.volume / (1 - len(corners) / (len(stars) + 1))
    return max(hull.volume, min(guess, *rectangles))


def log_false_alarm(reference, target, n_pairs, radius, scale, ratio):
    """The bound of README.md in one direction, for targets under 16 stars (no local density)."""
    n, m = len(reference), len(target)
    area = field_area(target)
    classes = 4
    edges = np.geomspace(LOW, HIGH, classes + 1)
    place = min(np.searchsorted(edges, scale, side="right") - 1, classes - 1)
    limit = ratio_limit(SHEAR)
    for _ in range(3):
        if ratio <= limit / 2:
            limit /= 2
    basis = np.column_stack([np.ones(n), reference])
    volume = linear_volume(edges[place], edges[place + 1], limit)
    triples = m * (m - 1) * (m - 2)
    tests = min(
        triples * volume * np.linalg.det(basis.T @ basis) / area**2,
        triples * n * (n - 1) * (n - 2) / 6,
    )
    p, k, others = m / area * np.pi * radius**2, n_pairs - 3, n - 3
    share = k / others
    tail = k * np.log(p / share)
    if k < others:
        tail += (others - k) * np.log((1 - p) / (1 - share))
    return np.log(tests * 4 * classes * others) + tail


@pytest.mark.parametrize(("n", "common"), [(7, 7), (9, 7), (12, 9)])
@pytest.mark.parametrize("scale", [0.6, 1.1, 1.9])
def test_the_stated_probability_is_the_documented_formula(n, common, scale):
    rng = np.random.default_rng([n, common])
    reference = rng.uniform(0, 300, (n, 2))
    truth = affine_of(rotation_deg=40, scale=scale, shear=0.03)
    target = reference @ truth[:, :2].T
    target[common:] = rng.uniform(target.min(0), target.max(0), (n - common, 2))
    found = kdmatch.match(reference, target)
    assert len(found.pairs) == common
    # without noise the residuals vanish and the least radius counts: a hundredth of the tolerance
    ratio = ratio_limit(0.03)
    forward = log_false_alarm(reference, target, common, 0.01, scale, ratio)
    backward = log_false_alarm(target, reference, common, 0.01, 1 / scale, ratio)
    expected = (min(forward, backward) + np.log(2)) / np.log(10)
    assert found.log10_false_alarm == pytest.approx(expected, abs=1e-6)
    turned = kdmatch.match(target, reference)
    assert turned.log10_false_alarm == pytest.approx(expected, abs=1e-6)


def test_the_volume_of_permitted_maps_is_that_of_a_direct_count():
    """Share of random matrices inside the limits times the volume sampled; with 4e6 draws and a share
    near 1e-3 the count is good to 1.5 %: within 5 of them."""
    rng = np.random.default_rng(1)
    half = 2.2
    a, b, d, e = rng.uniform(-half, half, (4, 4_000_000))
    p2 = ((a + e) ** 2 + (d - b) ** 2) / 4
    q2 = ((a - e) ** 2 + (d + b) ** 2) / 4
    ratio = ratio_limit(SHEAR)
    inside = (q2 <= ratio**2 * p2) & (p2 - q2 >= LOW**2) & (p2 - q2 <= HIGH**2)
    counted = inside.mean() * (2 * half) ** 4
    expected = linear_volume(LOW, HIGH, ratio)
    assert counted == pytest.approx(expected, rel=5 / np.sqrt(inside.sum()))


def test_the_number_of_plausible_triangle_pairs_stays_below_the_bound():
    """Counted one by one over unrelated catalogues of 8, class by class of scale. Triangles too large
    for the field make the bound generous; it is nearly reached where they are small."""
    ratio = ratio_limit(SHEAR)
    edges = np.geomspace(LOW, HIGH, 5)
    count, bound = np.zeros(4), np.zeros(4)
    for seed in range(40):
        reference, target = unrelated(8, seed)
        basis = np.column_stack([np.ones(8), reference])
        moments = np.linalg.det(basis.T @ basis) / (319 * 313) ** 2
        bound += [8 * 7 * 6 * linear_volume(*edges[i : i + 2], ratio) * moments for i in range(4)]
        first, second, third = target[list(itertools.permutations(range(8), 3))].swapaxes(0, 1)
        sides = np.stack([second - first, third - first], axis=1)
        for i, j, k in itertools.combinations(range(8), 3):
            inverse = np.linalg.inv([reference[j] - reference[i], reference[k] - reference[i]])
            (a, d), (b, e) = np.moveaxis(inverse @ sides, 0, -1)  # transposed: rows are sides
            p2 = ((a + e) ** 2 + (d - b) ** 2) / 4
            q2 = ((a - e) ** 2 + (d + b) ** 2) / 4
            scale = np.sqrt(np.maximum(p2 - q2, 0))
            count += np.histogram(scale[q2 <= ratio**2 * p2], edges)[0]
    assert (count > 50).all()
    assert (count < bound).all()
    assert count[0] > 0.3 * bound[0]


def test_probabilities_below_p_are_rarer_than_p():
    """A tolerance of 12 px brings coincidences about; 200 pairs, binomial within 4 sigma."""
    stated = []
    for seed in range(200):
        try:
            found = kdmatch.match(
                *unrelated(7, seed),
                tolerance_px=12,
                max_false_alarm=0.999,
                max_field_error_px=np.inf,
            )
            stated.append(found.false_alarm_probability)
        except kdmatch.NoMatch as error:
            stated.append(error.false_alarm_probability)
    for limit in (0.5, 0.1, 0.01):
        rate = np.mean(np.array(stated) < limit)
        assert rate <= limit + 4 * np.sqrt(limit * (1 - limit) / 200)


def test_more_pairs_are_less_probable_by_chance():
    rng = np.random.default_rng(8)
    reference = rng.uniform(0, 300, (12, 2))
    values = []
    for common in range(6, 13):
        target = reference + 5.0
        target[common:] = rng.uniform(0, 300, (12 - common, 2))
        values.append(kdmatch.match(reference, target).log10_false_alarm)
    assert values == sorted(values, reverse=True)

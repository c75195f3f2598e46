"""Areas of spaxels in circles."""

import numpy as np
import pytest
from photutils.aperture import CircularAperture

from pipeline.muse.circles import circle_overlap


@pytest.mark.parametrize("seed", range(4))
def test_areas_are_those_of_photutils_to_the_last_bit(seed):
    rng = np.random.default_rng(seed)
    for _ in range(25):
        x, y, radius = *rng.uniform(-5, 320, 2), rng.uniform(0.3, 9)
        mask = CircularAperture((x, y), radius).to_mask(method="exact")
        row, column = np.nonzero(mask.data)
        found = circle_overlap(x, y, radius)
        np.testing.assert_array_equal(found[0], column + mask.bbox.ixmin)
        np.testing.assert_array_equal(found[1], row + mask.bbox.iymin)
        np.testing.assert_array_equal(found[2], mask.data[row, column])


def test_areas_add_up_to_that_of_the_circle():
    for x, y, radius in ((0.0, 0.0, 0.5), (3.5, -2.25, 4.5), (10.1, 7.9, 1.5)):
        assert circle_overlap(x, y, radius)[2].sum() == pytest.approx(np.pi * radius**2, rel=1e-12)

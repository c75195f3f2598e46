"""Whether a cube has the light of the plain one."""

import numpy as np

from pipeline.measure.extraction import extract_spectra
from tests.muse.kinds import RADII_PX, XY

# float32 holds seven digits; integers of the scaled kind are rounded to 1e-3 of a sum above 1000
ROUNDING = 2e-6


def assert_same(cube, expected, xy=XY):
    found = extract_spectra(cube, xy, RADII_PX)
    np.testing.assert_allclose(found.flux, expected.flux, rtol=ROUNDING)
    np.testing.assert_allclose(found.variance, expected.variance, rtol=1e-5)
    np.testing.assert_allclose(found.coverage, expected.coverage, atol=1e-12)
    np.testing.assert_allclose(found.wave_aa, expected.wave_aa, rtol=1e-9)

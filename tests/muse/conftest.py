"""A plain cube, and what is extracted from it."""

import pytest

from pipeline.measure.extraction import extract_spectra
from tests.muse.kinds import RADII_PX, XY, write_plain


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    path = tmp_path_factory.mktemp("plain") / "cube.fits"
    write_plain(path)
    return path


@pytest.fixture(scope="module")
def expected(plain):
    return extract_spectra(plain, XY, RADII_PX)

"""The library is compiled once before the matcher's tests, if it is not up to date."""

import pytest

from kdmatch.build import build_library


@pytest.fixture(scope="session", autouse=True)
def compiled_library():
    return build_library()

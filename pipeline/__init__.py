"""Differential photometry of stars in MUSE fields: from cubes to a citable report."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("muse-differential-photometry")
except PackageNotFoundError:  # a checkout that was not installed: nothing is published from it
    __version__ = "0+uninstalled"

"""Compiles the matcher's C library when the package is built; everything else is in pyproject."""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

sys.path.insert(0, str(Path(__file__).parent))  # PEP 517 builds do not put it there


class BuildWithLibrary(build_py):
    """``build_py`` that compiles ``kdmatch`` into the tree that is being built or edited."""

    def run(self) -> None:
        """Copy the Python files, then compile beside them."""
        super().run()
        from kdmatch.build import build_library

        here = Path(__file__).parent
        build_library(here / "kdmatch" if self.editable_mode else Path(self.build_lib) / "kdmatch")


class PlatformWheel(bdist_wheel):
    """A wheel that says it holds a compiled library, of any Python: ctypes loads it."""

    def finalize_options(self) -> None:
        """Mark the wheel as not pure."""
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self) -> tuple[str, str, str]:
        """py3-none-PLATFORM."""
        return "py3", "none", super().get_tag()[2]


setup(cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel})

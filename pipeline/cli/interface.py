"""The functions that the page "Use in Python" shows: its text follows their signatures and docstrings."""

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from pipeline.config.paths import ROOT

PAGE = ROOT / "site_src" / "use_in_python.md"
SHOWN = "::: "  # begins a line that names what mkdocstrings puts there


def entry_points() -> Mapping[str, Callable[..., Any]]:
    """The documented functions and methods by their full names, in the order of the page."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    names = [line.removeprefix(SHOWN).strip() for line in lines if line.startswith(SHOWN)]
    return {name: _resolve(name) for name in names}


def documentation() -> dict[str, str]:
    """Signature and docstring of each entry point: when one changes, the page is stale."""
    return {
        name: f"{inspect.signature(found)}\n{inspect.getdoc(found)}"
        for name, found in entry_points().items()
    }


def _resolve(name: str) -> Any:
    """The object of that full name: a function of a module, or a method of a class in one."""
    module, _, last = name.rpartition(".")
    try:
        return getattr(import_module(module), last)
    except ModuleNotFoundError:
        return getattr(_resolve(module), last)

"""The examples in the docstrings of the entry points run as they are printed."""

import doctest
from importlib import import_module

import pytest

from pipeline.cli.interface import documentation, entry_points


def examples_of(name):
    """The doctests of an entry point, with the names of the module that defines it."""
    found = entry_points()[name]
    module = import_module(found.__module__)
    return doctest.DocTestFinder(recurse=False).find(
        found, name, module=module, globs=vars(module).copy()
    )


def test_the_page_names_every_entry_point():
    names = {name.rpartition(".")[2] for name in entry_points()}
    assert names >= {
        *("from_arrays", "fit_stability", "pair_statistics", "apply_correction", "match"),
        *("extract_spectra", "measure", "open_cube", "check_quality", "simulate_campaign", "main"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(entry_points()))
def test_the_example_of_an_entry_point_runs_and_gives_what_it_says(
    name, tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    (test,) = examples_of(name)
    assert test.examples, f"{name} has no example"
    assert not any(doctest.SKIP in one.options for one in test.examples)
    outcome = doctest.DocTestRunner(verbose=False).run(test)
    assert outcome.failed == 0, capfd.readouterr().out


def test_a_changed_docstring_makes_the_page_stale(monkeypatch):
    before = documentation()
    assert before == documentation()
    match = entry_points()["kdmatch.match"]
    monkeypatch.setattr(match, "__doc__", f"{match.__doc__} More.")
    assert {name for name, text in documentation().items() if text != before[name]} == {
        "kdmatch.match"
    }

"""The summary of a campaign as a product, the installed recipes, and where runs keep their files."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.config.settings import ReductionSettings
from pipeline.errors import RecipesMissing
from pipeline.schema.definitions import reported
from pipeline.tasks import installed, schedule
from pipeline.tasks.summarise import KeptTables, Summary, keep_summary
from pipeline.workflow.shards import Shard
from tests.tasks.made import catalogue


def summary(value=0.5, n=3):
    number = reported("std", value, source="pairs", subject="1/2", n=n)
    return Summary(
        {"catalogue": catalogue().table()}, (number,), ("one note", "another"), "A",
        "2019-01-01", "2019-02-01",
    )  # fmt: skip


def test_a_summary_comes_back_as_it_was_computed_and_is_computed_once(tmp_path):
    product, calls = tmp_path / "summary.json", []

    def compute():
        calls.append(1)
        return summary()

    for ingredients in ({"a": 1}, {"a": 1}, {"a": 2}):
        found = keep_summary(product, ingredients, compute)
        assert found.numbers == summary().numbers
        assert (found.notes, found.reference_exposure) == (("one note", "another"), "A")
        assert (found.first_night, found.last_night) == ("2019-01-01", "2019-02-01")
        assert found.tables["catalogue"]["star_id"].tolist() == [1, 2, 3, 4]
    assert len(calls) == 2


def test_a_number_that_is_missing_is_null_in_the_file_and_nan_again(tmp_path):
    product = tmp_path / "summary.json"
    (number,) = keep_summary(product, {}, lambda: summary(math.nan, n=None)).numbers
    assert math.isnan(number.value)
    assert number.n is None
    (record,) = json.loads(product.read_text())["numbers"]
    assert (record["value"], record["n"]) == (None, None)


def test_tables_are_read_when_they_are_asked_for_and_once(tmp_path):
    keep_summary(tmp_path / "summary.json", {}, summary)
    tables = KeptTables(tmp_path, ["catalogue", "gone"])
    assert (list(tables), len(tables)) == (["catalogue", "gone"], 2)
    first = tables["catalogue"]
    assert tables["catalogue"] is first
    with pytest.raises(KeyError):
        tables["pairs"]
    with pytest.raises(FileNotFoundError):
        tables["gone"]


def test_each_shard_has_a_folder_of_its_own_for_parsl():
    assert schedule._run_dir(Path("w"), None) == Path("w/.parsl")
    assert schedule._run_dir(Path("w"), Shard(3, 10)) == Path("w/.parsl-3")
    assert schedule.reference_path(Path("w")) == Path("w/reference/catalogue.ecsv")


@pytest.fixture
def runner(monkeypatch):
    """Recipes that are installed, with what they were asked for."""
    one = SimpleNamespace(
        name="esorex", plugins="/plugins", tables={"LINE": [Path("a"), Path("b")]}
    )
    one.checked = []
    monkeypatch.setattr(installed, "find_runner", lambda *_: one)
    monkeypatch.setattr(installed, "recipes_version", lambda _: "2.8")
    monkeypatch.setattr(installed, "check_parameters", lambda *what: one.checked.append(what))
    return one


def test_installed_recipes_are_said_with_their_tables(runner):
    settings = ReductionSettings()
    assert installed.runner_of(settings) is runner
    assert installed.installed_tables(settings) == runner.tables
    assert installed.installed_recipes(settings) == [
        "recipes: 2.8 in /plugins, run by esorex", "  LINE: 2 installed"
    ]  # fmt: skip
    assert runner.checked == [(runner, settings.parameters)]
    runner.tables = {}
    assert installed.installed_recipes(settings)[1:] == [
        "  no static tables are installed: trees must have them"
    ]


def test_without_recipes_there_are_no_tables(monkeypatch):
    def missing(*_):
        raise RecipesMissing("none")

    monkeypatch.setattr(installed, "find_runner", missing)
    assert installed.installed_tables(ReductionSettings()) is None
    with pytest.raises(RecipesMissing):
        installed.installed_recipes(ReductionSettings())

"""No published number changes unless CHANGELOG.md says why and by how much."""

import copy
import json
import os
import subprocess
from pathlib import Path

import pytest

from pipeline.config.loader import read_settings
from pipeline.config.paths import ROOT
from pipeline.sources import PublishedRecord
from pipeline.sources.request import Request
from pipeline.workflow.executors import Workers
from tests.gate import numbers
from tests.machine import lacks

HOW = (
    "\nIf that is meant: `make accept-numbers` writes the new values and prints the lines that "
    "CHANGELOG.md needs; add to each why it changed."
)
SIMULATED_FLOOR = "ltt3218-2019-simulated/floor"


@pytest.fixture(scope="module")
def history():
    return numbers.read_history(numbers.ACCEPTED.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def changelog():
    return numbers.CHANGELOG.read_text(encoding="utf-8")


def told(found):
    return "\n".join(["", *(str(change) for change in found)]) + HOW


def test_the_built_report_has_the_accepted_numbers(history):
    site = os.environ.get("REPORT_SITE")
    if not site:
        lacks("REPORT_SITE names no built default report: make report, REPORT_SITE=site")
    fresh = numbers.read_report(Path(site) / "data" / "report.json")
    found = numbers.changes(numbers.latest(history), fresh)
    assert not found, told(found)


@pytest.mark.slow
def test_the_record_analysed_here_and_now_has_the_accepted_numbers(history, tmp_path):
    settings = read_settings(ROOT / "report.toml")
    request = Request(settings, ROOT, ("published",), None, None, tmp_path, Workers(1), ())
    record = PublishedRecord(request)
    fresh = {
        f"{record.name}/{number.key}": numbers.pair(number.value, number.uncertainty)
        for number in record.summary.numbers
    }
    accepted = numbers.latest(history)
    mine = {key: accepted[key] for key in accepted if key.startswith(f"{record.name}/")}
    found = numbers.changes(mine, fresh)
    assert not found, told(found)


def test_every_accepted_change_is_explained_in_the_changelog(history, changelog):
    silent = [str(change) for change in numbers.unexplained(history, changelog)]
    assert silent == [], "CHANGELOG.md needs for each `- number KEY: OLD -> NEW: why`"


def git(root, *arguments):
    """What git prints, "" if it fails."""
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def overwritten(root, history):
    """Keys whose history does not begin with that of the last version; none before the first version.

    A changed entry cannot hide by being overwritten.
    """
    tag = git(root, "describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD")
    text = tag and git(root, "show", f"{tag}:{numbers.ACCEPTED.relative_to(ROOT).as_posix()}")
    tagged = numbers.read_history(text) if text else {}
    return [key for key in tagged if history.get(key, [])[: len(tagged[key])] != tagged[key]]


def test_what_the_last_version_accepted_was_only_added_to(history):
    assert overwritten(ROOT, history) == []


def test_a_number_that_was_overwritten_since_the_last_version_is_named(tmp_path):
    accepted = tmp_path / numbers.ACCEPTED.relative_to(ROOT)
    accepted.parent.mkdir(parents=True)
    before = {"a/floor": [[1.0, 0.1]], "a/rho": [[0.5, None]], "a/std": [[2.0, 0.2]]}
    accepted.write_text(numbers.dump(before), encoding="utf-8")
    commit = ("-c", "user.name=n", "-c", "user.email=e@example.org", "commit", "-qm", "numbers")
    for arguments in (("init", "-q"), ("add", "."), commit):
        git(tmp_path, *arguments)
    now = {"a/floor": [[1.0, 0.1], [1.1, 0.1]], "a/rho": [[0.6, None]]}
    assert overwritten(tmp_path, now) == []  # nothing is published yet
    git(tmp_path, "tag", "v2026.11")
    assert overwritten(tmp_path, now) == ["a/rho", "a/std"]
    assert overwritten(tmp_path, before) == []


def test_a_changed_number_is_found_and_named(tmp_path):
    report = {
        "campaigns": [
            {
                "name": "demo",
                "numbers": [
                    {"key": "floor", "value": 0.0434, "uncertainty": 0.0036},
                    {"key": "n_stars", "value": 25.0, "uncertainty": None},
                ],
            }
        ]
    }
    built = tmp_path / "report.json"
    built.write_text(json.dumps(report))
    old = numbers.read_report(built)
    report["campaigns"][0]["numbers"][0]["value"] *= 1 + 1e-5
    report["campaigns"][0]["numbers"][1]["value"] = 24.0
    built.write_text(json.dumps(report))
    found = numbers.changes(old, numbers.read_report(built))
    assert [change.key for change in found] == ["demo/floor", "demo/n_stars"]
    assert str(found[1]) == "demo/n_stars: 25 -> 24"


@pytest.mark.parametrize("index", [0, 1])
def test_each_registered_number_and_uncertainty_is_guarded(history, index):
    accepted = numbers.latest(history)
    assert len(accepted) >= 40
    for key, entry in accepted.items():
        if entry[index] is None:
            continue
        perturbed = copy.deepcopy(accepted)
        perturbed[key][index] = entry[index] * (1 + 1e-5) if entry[index] else 1.0
        (found,) = numbers.changes(accepted, perturbed)
        assert found.key.startswith(key)


def test_rounding_of_another_processor_is_no_change(history):
    accepted = numbers.latest(history)
    other = {
        key: [None if one is None else one * (1 + 3e-13) for one in entry]
        for key, entry in accepted.items()
    }
    assert numbers.changes(accepted, other) == []


def test_a_number_that_comes_is_added_and_one_that_goes_must_be_explained():
    old = {"a/x": [[1.0, None]], "a/gone": [[2.0, 0.1]]}
    fresh = {"a/x": [1.0, None], "a/new": [3.0, None]}
    assert [change.key for change in numbers.changes(numbers.latest(old), fresh)] == [
        "a/gone", "a/gone.uncertainty", "a/new",
    ]  # fmt: skip
    longer = numbers.append(old, fresh)
    assert longer["a/new"] == [[3.0, None]]
    assert longer["a/gone"] == [[2.0, 0.1], [None, None]]
    assert numbers.changes(numbers.latest(longer), fresh) == []
    assert {change.key for change in numbers.steps(longer)} == {"a/gone", "a/gone.uncertainty"}


CHANGED = {SIMULATED_FLOOR: [[0.043398, None], [0.044102, None]]}


def explained(history, *lines):
    return numbers.unexplained(history, "\n".join(["# Changelog", "", *lines, "- else", ""])) == []


@pytest.mark.parametrize(
    "line",
    [
        f"- number {SIMULATED_FLOOR}: 0.0434 -> 0.0441: a slice was masked",
        f"- number {SIMULATED_FLOOR}: 0.043 -> 0.044: a slice was masked",
        "- number ltt3218-2019-simulated/*: at most 2 %: a slice was masked",
        "- number */floor*: at most 1.7 %: a slice was masked",
    ],
)
def test_a_line_that_names_and_measures_the_change_explains_it(line):
    assert explained(CHANGED, line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "- the floor changed",
        f"- number {SIMULATED_FLOOR}: 0.0434 -> 0.0441:",  # no reason
        f"- number {SIMULATED_FLOOR}: 0.0434 -> 0.0442: not what it is",
        f"- number {SIMULATED_FLOOR}: 0.0431 -> 0.0441: not what it was",
        f"- number {SIMULATED_FLOOR}: 0.04 -> 0.04: too few digits",
        f"- number {SIMULATED_FLOOR}: at most 1 %: it is more",
        "- number ltt3218-2019-published/floor: 0.0434 -> 0.0441: of another campaign",
        "- number */*: at most some %: how much",
    ],
)
def test_a_line_that_does_not_is_no_explanation(line):
    assert not explained(CHANGED, line)


def test_a_bound_speaks_of_one_change_of_a_number_only():
    twice = {SIMULATED_FLOOR: [[0.0434, None], [0.0441, None], [0.0436, None]]}
    bound = "- number */floor: at most 2 %: a slice was masked"
    assert not explained(twice, bound)
    assert explained(twice, bound, "- number */floor: 0.0441 -> 0.0436: and another")
    assert explained(twice, bound, "- number */*: at most 1.5 %: and another")


def test_counts_and_missing_numbers_can_be_explained():
    fewer = {"a/n_stars": [[25.0, None], [24.0, None]]}
    assert explained(fewer, "- number a/n_stars: 25 -> 24: one is blended")
    one = {"a/n_failed": [[0.0, None], [1.0, None]]}
    assert explained(one, "- number a/n_failed: 0 -> 1: a truncated file")
    gone = {"a/x": [[0.5, None], [None, None]]}
    assert explained(gone, "- number a/x: 0.50 -> missing: not defined for one night")
    assert not explained(gone, "- number a/x: at most 1 %: not defined for one night")


def test_accepting_writes_the_file_and_says_what_the_changelog_needs(tmp_path, monkeypatch):
    accepted, report = tmp_path / "numbers.json", tmp_path / "report.json"
    monkeypatch.setattr(numbers, "ACCEPTED", accepted)

    def built(value):
        number = {"key": "floor", "value": value, "uncertainty": 0.1}
        report.write_text(json.dumps({"campaigns": [{"name": "demo", "numbers": [number]}]}))

    built(0.5)
    assert numbers.accept(report) == "no change"
    built(0.6)
    assert "- number demo/floor: 0.5 -> 0.6: WHY" in numbers.accept(report)
    assert numbers.read_history(accepted.read_text()) == {"demo/floor": [[0.5, 0.1], [0.6, 0.1]]}
    accepted_now = numbers.read_history(accepted.read_text())
    assert explained(accepted_now, "- number demo/floor: 0.50 -> 0.60: a test")
    assert not explained(accepted_now)

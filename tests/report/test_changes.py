"""What changed since the version before: which numbers, by how much, and what caused it."""

import copy
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ConfigError, PreviousReportInvalid
from pipeline.report.build import ROOT, collect
from pipeline.report.changes import CampaignChanges, compare
from pipeline.report.downloads.report_file import (
    SIZE_LIMIT,
    ReportFile,
    parse_report,
    read_previous,
)
from pipeline.report.downloads.report_json import report_json
from pipeline.report.pages.base import PageInputs, PageNumbering, make_page
from pipeline.report.pages.changes_section import changes_section
from pipeline.report.pages.summary import PAGE
from pipeline.report.site.rendering import cite_of
from pipeline.report.site.templates import environment, render_page
from pipeline.schema.results import Provenance, ReportedValue, Results
from tests.report import factory

ORIGIN = Provenance("d" * 64, "c" * 64, {"numpy": "2.4.5"})


def results(*numbers: ReportedValue, **changes: Any) -> Results:
    """A campaign without tables, with these numbers."""
    one = Results(
        name="record", title="The record", source="published", simulated=False, field_name="F",
        first_night="2019-01-09", last_night="2019-12-26", tables={}, numbers=numbers,
        settings={"statistics": {"radius_px": 4.5, "pairs": ((2, 22),)}}, origin=ORIGIN,
    )  # fmt: skip
    return dataclasses.replace(one, **changes)


def number(
    value: float, error: float = math.nan, key: str = "std", **changes: Any
) -> ReportedValue:
    one = ReportedValue(key, f"σ({key})", "scatter", value, error, "", "std of ratios", "pairs")
    return dataclasses.replace(one, **changes)


def report(*campaigns: Results, **build: Any) -> ReportFile:
    return parse_report(report_json(campaigns, factory.build_info(**build)))


def difference(old: Results, new: Results) -> CampaignChanges:
    (one,) = compare(report(old, commit="a" * 40), report(new, commit="b" * 40)).campaigns
    return one


def test_a_changed_number_is_reported_with_its_difference_in_units_of_the_new_uncertainty() -> None:
    one = difference(results(number(0.030, 0.004)), results(number(0.036, 0.003)))
    (changed,) = one.numbers
    assert changed.difference == pytest.approx(0.006)
    assert changed.in_sigma == pytest.approx(2.0)
    assert (changed.remark, one.n_rounded, one.n_same) == ("", 0, 0)


def test_where_the_new_version_states_no_uncertainty_the_old_one_counts() -> None:
    one = difference(results(number(0.030, 0.004)), results(number(0.036)))
    assert one.numbers[0].in_sigma == pytest.approx(1.5)
    neither = difference(results(number(3.0)), results(number(5.0)))
    assert math.isnan(neither.numbers[0].in_sigma)
    assert neither.numbers[0].difference == 2.0


def test_what_differs_only_in_digits_that_are_not_printed_is_counted_apart() -> None:
    old = results(number(0.0300001, 0.004), number(1.0, 0.1, "same"))
    new = results(number(0.0300002, 0.004), number(1.0, 0.1, "same"))
    one = difference(old, new)
    assert (one.numbers, one.n_rounded, one.n_same) == ((), 1, 1)


def test_numbers_appear_and_vanish() -> None:
    one = difference(results(number(1.0, key="old")), results(number(2.0, key="new")))
    assert [(change.either.key, change.remark) for change in one.numbers] == [
        ("new", "appeared"),
        ("old", "vanished"),
    ]
    assert all(math.isnan(change.difference) for change in one.numbers)


def test_another_unit_or_definition_is_never_passed_over_in_silence() -> None:
    old, new = number(1.0, 0.1), number(1.0, 0.1, unit="pix")
    (unit,) = difference(results(old), results(new)).numbers
    assert unit.remark == "other unit"
    assert math.isnan(unit.difference)
    (defined,) = difference(results(old), results(number(1.0, 0.1, formula="MAD"))).numbers
    assert defined.remark == "other definition"
    assert math.isnan(defined.difference)  # of two definitions there is none


def test_a_missing_value_equals_a_missing_value_and_differs_from_a_number() -> None:
    missing = results(number(math.nan))
    assert difference(missing, missing).n_same == 1
    assert len(difference(missing, results(number(1.0))).numbers) == 1


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        (
            {"origin": dataclasses.replace(ORIGIN, data="e" * 64)},
            "Data: the input files differ.",
        ),
        (
            {"settings": {"statistics": {"radius_px": 3.5, "pairs": ((2, 22),)}}},
            "Settings: statistics.radius_px from 4.5 to 3.5.",
        ),
        (
            {"settings": {"statistics": {"radius_px": 4.5}}},
            "Settings: statistics.pairs from [[2, 22]] to none.",
        ),
        (
            {"origin": dataclasses.replace(ORIGIN, code="f" * 64)},
            "Code: the files that compute the numbers differ (commit aaaaaaaaaa to bbbbbbbbbb).",
        ),
        (
            {"origin": dataclasses.replace(ORIGIN, libraries={"numpy": "2.5.0"})},
            "Libraries: numpy from 2.4.5 to 2.5.0.",
        ),
    ],
)
def test_each_cause_is_named(changes: dict[str, Any], cause: str) -> None:
    assert difference(results(number(1.0)), results(number(2.0), **changes)).causes == (cause,)


def test_a_commit_alone_is_no_cause() -> None:
    assert difference(results(number(1.0)), results(number(1.0))).causes == ()


def section_text(old: Results, new: Results) -> str:
    section = changes_section(
        compare(report(old), report(new)), factory.build_info(), PageNumbering({})
    )
    assert section
    return " ".join(line for one in section.campaigns for line in one.lines)


def test_several_causes_at_once_are_not_told_apart_and_the_page_says_so() -> None:
    origin = Provenance("e" * 64, "f" * 64, {"numpy": "2.4.5"})
    said = section_text(results(number(1.0)), results(number(2.0), origin=origin))
    assert "their effects on a number cannot be separated" in said
    alone = section_text(results(number(1.0)), results(number(1.0)))
    assert "Data, settings, code and libraries are those of that version." in alone
    defect = section_text(results(number(1.0)), results(number(2.0)))
    assert "this is a defect" in defect


def test_a_campaign_can_appear_and_vanish() -> None:
    changes = compare(report(results(number(1.0))), report(results(number(1.0), name="other")))
    assert [(one.name, one.remark) for one in changes.campaigns] == [
        ("other", "appeared"),
        ("record", "vanished"),
    ]


def test_without_a_version_before_the_page_says_which_case_it_is() -> None:
    published = factory.build_info(site_url="https://example.org/v2026.11/")
    section = changes_section(None, published, PageNumbering({}))
    assert section
    assert "first version" in section.lead
    assert changes_section(None, factory.build_info(), PageNumbering({})) is None


def test_the_section_links_to_the_version_before_where_both_are_published() -> None:
    old = report(results(number(1.0)), version_label="v2026.10")
    build = factory.build_info(site_url="https://example.org/r/v2026.11/")
    section = changes_section(compare(old, report(results(number(2.0)))), build, PageNumbering({}))
    assert section
    assert section.href == "https://example.org/r/v2026.10/index.html"
    hostile = dataclasses.replace(old, version='"><script>alert(1)</script>')
    section = changes_section(compare(hostile, report(results())), build, PageNumbering({}))
    assert section
    assert section.href == ""


def test_hostile_text_of_the_version_before_is_shown_and_never_markup() -> None:
    old = results(number(1.0, key=factory.HOSTILE, name=factory.HOSTILE), title=factory.HOSTILE)
    settings = {"statistics": {"band": factory.HOSTILE, factory.HOSTILE: 1}}
    before = report(replace_settings(old, settings), version_label=factory.HOSTILE)
    build = factory.build_info(previous=before, site_url="https://example.org/v2026.11/")
    now = [results(number(2.0))]
    page = make_page(PAGE, PageInputs(tuple(now), build, {}))
    assert page
    text = render_page(environment(ROOT / "templates"), page, build, now, cite_of(build, now))
    section = text[text.index("What changed") : text.index("Where to go")]
    assert "alert&#40;1&#41;" in section
    for markup in ("<script", "](javascript", "`x`", "*b*", "\n# big"):
        assert markup not in section


def replace_settings(one: Results, settings: dict[str, dict[str, object]]) -> Results:
    return dataclasses.replace(one, settings=settings)


def good() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        report_json([results(number(1.0, 0.1))], factory.build_info(version_label="v2026.10"))
    )
    return document


def spoil(path: tuple[str | int, ...], value: object) -> bytes:
    """The good document with one value replaced, or removed if it is ``...``."""
    document: Any = copy.deepcopy(good())
    place = document
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(document).encode()


NUMBER = ("campaigns", 0, "numbers", 0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no JSON", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "the document is list"),
        (b"null", "the document is NoneType"),
        (spoil(("schema",), 1), "schema 1, this build reads 2"),
        (spoil(("schema",), True), "schema is bool"),
        (spoil(("version",), ...), "version is missing"),
        (spoil(("version",), 3), "version is int"),
        (spoil(("version",), "v" * 5000), "5000 characters"),
        (spoil(("campaigns",), {}), "campaigns is dict"),
        (spoil(("campaigns", 0), "x"), r"campaigns\[0\]\. is str"),
        (spoil(("campaigns",), good()["campaigns"] * 2), "'record' twice"),
        (spoil(("campaigns", 0, "numbers"), good()["campaigns"][0]["numbers"] * 2), "'std' twice"),
        (spoil(("campaigns", 0, "digests"), ...), r"campaigns\[0\]\.digests is missing"),
        (spoil(("campaigns", 0, "libraries"), {"numpy": 2}), r"libraries\.numpy is int"),
        (spoil(("campaigns", 0, "settings"), {"a": 1}), r"settings\.a is int"),
        (spoil((*NUMBER, "value"), "0.1"), r"numbers\[0\]\.value = '0\.1'"),
        (spoil((*NUMBER, "value"), True), "value = 'True'"),
        (spoil((*NUMBER, "value"), 10**400), "a finite number or null"),
        (spoil((*NUMBER, "value"), math.nan), "NaN is no JSON number"),
        (spoil((*NUMBER, "uncertainty"), ...), "uncertainty is missing"),
        (b" " * (SIZE_LIMIT + 1), "over 4 MB"),
    ],
)
def test_a_file_that_is_no_report_is_refused_by_name_and_place(
    content: bytes, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "previous.json"
    path.write_bytes(content)
    with pytest.raises(PreviousReportInvalid, match=said) as refusal:
        read_previous(path, "v2026.11")
    assert str(path) in str(refusal.value)


def test_the_version_before_must_be_before(tmp_path: Path) -> None:
    path = tmp_path / "previous.json"
    path.write_text(json.dumps(good()))
    assert read_previous(path, "v2026.11") is not None
    for label in ("v2026.10", "v2026.09"):
        with pytest.raises(PreviousReportInvalid, match=rf"v2026\.10, which is not before {label}"):
            read_previous(path, label)
    with pytest.raises(PreviousReportInvalid, match="No such file"):
        read_previous(tmp_path / "nowhere.json", "v2026.11")
    path.write_bytes(b"")
    assert read_previous(path, "v2026.11") is None, "an empty file: there is none"


def test_what_is_written_is_read_back_the_same() -> None:
    campaigns = [factory.published(), factory.campaign(hostile=True)]
    build = factory.build_info()
    again = parse_report(report_json(campaigns, build))
    assert again == parse_report(report_json(campaigns, build))
    expected = [
        tuple(dataclasses.replace(n, provenance=one.inputs_digest) for n in one.numbers)
        for one in campaigns
    ]
    assert repr([one.numbers for one in again.campaigns]) == repr(expected)  # NaN equals NaN there
    assert not any(one.numbers for one in compare(again, again).campaigns)


def test_an_address_and_a_label_that_cannot_be_published_are_refused() -> None:
    command = ["python", "build_report.py"]
    build = collect(command, "v2026.11.2", root_url="https://example.org/report")
    assert build.site_url == "https://example.org/report/v2026.11.2/"
    with pytest.raises(ConfigError, match=r"'draft'.*vYYYY\.MM"):
        collect(command, "draft", root_url="https://example.org/")
    for address in ("example.org", "https://example.org/?a=1", "javascript:alert(1)", "https://"):
        with pytest.raises(ConfigError, match="--site-url"):
            collect(command, "v2026.11", root_url=address)

"""Logs of reductions: what ran, on what, at what cost; harmless whatever a header or a log holds."""

import gzip
import json
from dataclasses import replace

import pytest

from pipeline.report.pages.base import PageInputs, make_page
from pipeline.report.pages.reductions import PAGE
from pipeline.schema import make_table
from pipeline.schema.reduction_log import ReductionLog, channel_list, summed_up
from tests.report import factory
from tests.report.recipes import recipe_record

RECORDS = [recipe_record("muse_flat", channel, "a warning") for channel in (12, 13, 14)]


def test_calls_that_differ_in_channel_only_stand_together():
    (step,) = summed_up(RECORDS).steps
    assert step.channels == (12, 13, 14)
    assert step.n_calls == 3
    assert step.wall_s == pytest.approx(37.5)
    assert step.size_mb == pytest.approx(606)
    assert step.warnings == ("a warning [channels 12-14]",)
    assert step.parameters == ("nsum = 16",)


def test_a_file_is_named_with_its_digest_and_a_product_with_its_recipe():
    (step,) = summed_up(RECORDS).steps
    assert [(one.tag, one.name, one.digest[:4]) for one in step.inputs] == [
        ("FLAT", "MUSE.x", "abab"),
        ("MASTER_BIAS", "muse_bias", ""),
    ]


def test_calls_on_other_frames_stand_apart():
    other = {**RECORDS[0], "inputs": {"000 FLAT MUSE.y": "ab" * 32}}
    assert [one.n_calls for one in summed_up([*RECORDS, other]).steps] == [3, 1]


def test_quality_is_summed_up_over_slices_and_channels():
    (step,) = summed_up(RECORDS).steps
    width = next(one for one in step.quality if one.keyword == "ESO QC SLICE# WIDTH")
    # 76 + slice (1, 2) + channel (12, 13, 14): 89, 90, 90, 91, 91, 92
    assert (width.lowest, width.middle, width.highest, width.count) == ("89", "90.5", "92", 6)


def test_a_log_is_the_same_after_it_was_written_down():
    failed = {**RECORDS[0], "error_type": "RecipeFailed", "error": "no trace"}
    log = summed_up([*RECORDS, failed], ("a note",), "RecipeFailed: no trace")
    assert log.calls[-1].error == "RecipeFailed: no trace"
    assert log.calls[0].error == ""
    assert log.versions == ("muse/2.8.7",)
    assert ReductionLog.from_json(json.loads(json.dumps(log.as_json()))) == log


def test_channels_are_listed_as_runs():
    assert channel_list([1, 2, 3, 5, 8, 7]) == "channels 1-3, 5, 7-8"
    assert channel_list([4]) == "channel 4"


def test_every_reduced_exposure_has_a_page_that_the_overview_links_to(docs):
    overview = (docs / "reductions.md").read_text()
    pages = sorted(path.name for path in docs.glob("reduction-of-*.md"))
    assert len(pages) == 2
    for page in pages:
        assert f'href="{page.removesuffix(".md")}.html"' in overview


def test_log_pages_are_no_entries_of_the_navigation(docs):
    nav = json.dumps(json.loads((docs / "site.json").read_text())["nav"])
    assert "reductions.md" in nav
    assert "reduction-of-" not in nav


def test_a_failed_reduction_says_so_and_why(docs):
    texts = [path.read_text() for path in docs.glob("reduction-of-*.md")]
    (failed,) = (text for text in texts if "No cube." in text)
    assert "CHIP information does not match" in failed
    assert all("Simulated" in text for text in texts)


def test_a_log_can_be_read_back_and_says_what_its_page_says(docs):
    files = sorted((docs / "data" / "demo-simulated").glob("reduction-of-*.json.gz"))
    assert len(files) == 2
    log = json.loads(gzip.decompress(files[0].read_bytes()))
    assert log["simulated"] is True
    assert log["versions"] == ["muse/2.8.7"]
    flats, cube = log["steps"]
    assert (flats["channels"], cube["channels"]) == ([12, 13], [])
    assert flats["inputs"][0] == {
        "tag": "FLAT", "name": "MUSE.x", "digest": "ab" * 32, "count": 1
    }  # fmt: skip
    assert {one["keyword"] for one in flats["quality"]} == {"ESO QC SLICE# WIDTH", "ESO QC X"}


def test_nothing_from_outside_becomes_markup(hostile_docs):
    pages = list(hostile_docs.glob("reduction-of-*.md"))
    assert len(pages) == 2
    for page in pages:
        text = page.read_text()
        assert "<script" not in text
        assert "<img" not in text


def test_a_campaign_that_was_not_reduced_here_has_no_such_page():
    inputs = PageInputs((factory.published(),), factory.build_info(), {})
    assert make_page(PAGE, inputs) is None


CALIBRATED = {
    "calibrations_way": "science", "calibrations_certified": False, "illum_applied": True,
    "twilight_applied": False, "n_channels": 24,
    **{f"{tag}_frames": n for tag, n in (("bias", 11), ("flat", 11), ("arc", 15), ("illum", 1),
                                         ("skyflat", 0))},
    **{f"{tag}_age_hours": hours for tag, hours in (
        ("bias", 10.04), ("flat", 9.5), ("arc", 11.0), ("illum", -0.25), ("skyflat", float("nan")))},
    **{f"{tag}_temperature_difference_k": 0.5 for tag in ("bias", "flat", "arc", "illum", "skyflat")},
}  # fmt: skip


def reduced_twice():
    """A campaign whose first exposure was reduced here and by the observatory."""
    results = factory.campaign()
    exposure_id = next(iter(results.reductions))
    compared = {
        "night": "2019-03-09", "mode": "WFM-NOAO-N", "exposure_id": exposure_id, "product_id": "ADP.x",
        "n_stars": 9, "offset": 0.0123, "std": 0.0031, "expected_std": 0.005, "worst_star": 4,
        "worst_difference": -0.0062,
    }  # fmt: skip
    tables = {
        "calibrations": make_table(
            "calibrations", {"exposure_id": [exposure_id]} | {k: [v] for k, v in CALIBRATED.items()}
        ),
        "reductions_compared": make_table(
            "reductions_compared", {key: [value] for key, value in compared.items()}
        ),
    }
    return replace(results, tables={**results.tables, **tables})


def texts(block):
    """The rows of a table as texts."""
    return [[str(cell.text) for cell in row] for row in block.view.rows]


def test_the_overview_says_how_every_exposure_was_calibrated():
    page = make_page(PAGE, PageInputs((reduced_twice(),), factory.build_info(), {}))
    (row,) = texts(page.context["shown"][0].calibrations)
    assert row[1:] == [
        "the tree of a science exposure of the night", "no", "24", "+10.0", "+9.5", "+11.0", "-0.2",
        "not applied",
    ]  # fmt: skip


def test_both_reductions_of_an_exposure_stand_beside_each_other():
    page = make_page(PAGE, PageInputs((reduced_twice(),), factory.build_info(), {}))
    (row,) = texts(page.context["shown"][0].compared)
    assert row[3:] == ["9", "0.0123", "0.0031", "0.0050", "4", "−0.0062"]

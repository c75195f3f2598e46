"""Pages of single stars and exposures: whole, small, linked, and harmless."""

import html
import itertools
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from astropy.table import vstack

from pipeline.report.figures.base import MODE_STYLES
from pipeline.report.figures.small_svg import (
    Plot,
    PlotSeries,
    bars,
    drawn,
    round_ticks,
    sparkline,
)
from pipeline.report.flags import flag_reasons
from pipeline.report.pages.counterparts import with_counterparts
from pipeline.report.pages.detail import residuals_of
from pipeline.report.pages.exposure import exposure_pages
from pipeline.report.pages.remedies import OTHERWISE, REMEDIES, remedy_of
from pipeline.report.pages.star import star_pages
from pipeline.report.pages.star_curves import growths_of, star_courses
from pipeline.report.rows import MAX_EXPOSURE_PAGES, exposure_links
from pipeline.schema.results import Results
from tests.report import factory

MODE_OF = {style.mode: style for style in MODE_STYLES}
LARGEST = 60_000  # bytes of such a page


def with_photometry(results: Results, n_stars: int = 3) -> Results:
    """A campaign with fluxes in which nothing happens but a cloud and one bright star in the third."""
    ids = [str(one) for one in results.tables["exposures"]["exposure_id"]]
    stars = np.arange(1, n_stars + 1)
    flux = np.outer(np.linspace(1, 2, len(ids)), stars.astype(float))
    flux[2, 1] *= np.exp(0.05)
    table = factory.fill(
        "photometry",
        flux.size,
        exposure_id=np.repeat(ids, n_stars),
        star_id=np.tile(stars, len(ids)),
        band=["I_Bessel"] * flux.size,
        radius_px=[4.5] * flux.size,
        flux=flux.ravel(),
        method=["exact"] * flux.size,
    )
    return replace(results, tables={**results.tables, "photometry": table})


def test_every_star_and_every_exposure_has_a_page(docs: Path, campaigns: list[Results]) -> None:
    for results in campaigns:
        for star in results.tables["catalogue"]["star_id"]:
            assert (docs / "stars" / results.name / f"{star}.html").is_file()
        for link in exposure_links(results).values():
            assert (docs / link).is_file()
            assert link in (docs / "exposures.md").read_text(encoding="utf-8")


def test_pages_are_small_and_their_drawings_are_valid(docs: Path) -> None:
    pages = [*docs.glob("stars/*/*.html"), *docs.glob("exposures/*/*.html")]
    assert len(pages) > 100
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert len(text.encode()) < LARGEST, page
        for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
            ElementTree.fromstring(svg)


def test_what_is_simulated_says_so_in_its_title_and_in_every_drawing(docs: Path) -> None:
    for page in docs.glob("stars/demo-simulated/*.html"):
        text = page.read_text(encoding="utf-8")
        assert 'class="badge sim">Simulated' in text
        drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
        assert drawings
        assert all("SIMULATED" in one for one in drawings)
    for page in docs.glob("stars/record-published/*.html"):
        assert "SIMULATED" not in page.read_text(encoding="utf-8")


def test_a_failed_exposure_has_its_reason_and_what_to_do(docs: Path) -> None:
    texts = [
        path.read_text(encoding="utf-8") for path in docs.glob("exposures/demo-simulated/*.html")
    ]
    (failed,) = (html.unescape(text) for text in texts if "What to do." in text)
    assert "CubeUnreadable: truncated, 100 bytes instead of 200" in failed
    assert REMEDIES["CubeUnreadable"] in failed


@pytest.mark.parametrize(
    ("reason", "said"), [("NoStarsMatched: 3 of 25", "pointing"), ("x", "Correct the cause")]
)
def test_a_remedy_follows_from_the_type_of_the_failure(reason: str, said: str) -> None:
    assert said in remedy_of(reason)
    assert remedy_of("") == OTHERWISE


def test_remedies_are_those_of_failures_that_exist() -> None:
    import pipeline.errors

    for name in REMEDIES:
        assert issubclass(getattr(pipeline.errors, name), pipeline.errors.ExposureError)


def test_the_pages_go_from_one_to_the_next(campaigns: list[Results]) -> None:
    for make in (star_pages, exposure_pages):
        pages = make(campaigns[1])
        assert pages[0].previous is None
        assert pages[-1].following is None
        for one, two in itertools.pairwise(pages):
            assert one.following.href == f"../../{two.path}"
            assert two.previous.href == f"../../{one.path}"


def test_the_residual_on_the_page_is_what_the_star_did() -> None:
    results = with_photometry(factory.campaign())
    residuals = residuals_of(results)
    assert residuals.per_cent[2] == pytest.approx([0, 5, 0], abs=1e-9)
    assert np.delete(residuals.per_cent, 2, axis=0) == pytest.approx(0, abs=1e-9)
    page = exposure_pages(results)[2]
    assert page.context["farthest"][0][1:] == ("2", "+5.00 %")
    star = star_pages(results)[1]
    assert "+5.00 %" in star.context["curves"][0].svg


def test_hostile_text_stays_text(hostile_docs: Path) -> None:
    pages = [*hostile_docs.glob("stars/*/*.html"), *hostile_docs.glob("exposures/*/*.html")]
    assert pages
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<script>alert" not in text
        assert "<img" not in text
        assert not re.search(r'(?i)href="javascript', text)


def test_of_very_many_exposures_only_those_that_are_not_ok_have_pages() -> None:
    n = MAX_EXPOSURE_PAGES + 1
    table = factory.fill(
        "exposures",
        n,
        exposure_id=[f"E{k}" for k in range(n)],
        status=["ok"] * (n - 1) + ["failed"],
    )
    results = replace(factory.campaign(), tables={"exposures": table})
    links = exposure_links(results)
    assert links["E0"] == "exposure.html?id=demo-simulated/0/E0"
    assert links[f"E{n - 1}"] == f"exposures/demo-simulated/e{n - 1}.html"
    assert [page.path for page in exposure_pages(results)] == [links[f"E{n - 1}"]]


def test_ticks_are_round_numbers_within_the_axis() -> None:
    assert round_ticks(0.0, 1.0) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert round_ticks(-7.0, 7.0) == [-5.0, 0.0, 5.0]
    assert round_ticks(3.0, 3.0) == [3.0]


def test_a_drawing_has_every_point_and_none_of_the_missing() -> None:
    x, y = np.arange(4.0), np.array([1.0, np.nan, 2.0, 3.0])
    svg = drawn(Plot([PlotSeries(x, y, titles=["a", "b", "c", "d<"])], "x", "y", "some & more"))
    root = ElementTree.fromstring(str(svg))
    assert [one.find("title").text for one in root.iter("circle")] == ["a", "c", "d<"]
    assert root.get("aria-label") == "some & more"
    assert drawn(Plot([PlotSeries(x, np.full(4, np.nan))], "x", "y", "none")) == ""


def test_a_point_far_outside_stands_at_the_edge_of_a_sparkline_with_a_mark_of_its_own() -> None:
    values = np.append(np.tile([-1.0, 1.0], 20), 50.0)
    svg = ElementTree.fromstring(str(sparkline(values, "l")))
    far = [one for one in svg.iter("circle") if one.get("class") == "rp-s-out"]
    assert len(far) == 1
    assert float(far[0].get("cy")) == pytest.approx(44 / 2 * 0.14, abs=0.06)
    assert sparkline(np.array([np.nan]), "l") == ""


@pytest.mark.parametrize(("rises", "x", "anchor"), [(False, "412", "end"), (True, "56", "start")])
def test_the_word_simulated_covers_no_points(rises: bool, x: str, anchor: str) -> None:
    """It stands in a free corner: right above a falling curve, left above a rising one."""
    at = np.linspace(0.0, 1.0, 50)
    svg = drawn(Plot([PlotSeries(at, at if rises else 1 - at)], "x", "y", "w", simulated=True))
    assert f'<text class="rp-s-sim" x="{x}" y="18" text-anchor="{anchor}">SIMULATED</text>' in svg


def test_between_two_curves_the_word_simulated_is_in_the_lower_corner() -> None:
    at = np.linspace(0.0, 1.0, 50)
    top = PlotSeries(at, np.ones(50))
    svg = drawn(Plot([top, PlotSeries(at, 1 - at)], "x", "y", "w", simulated=True))
    assert 'x="56" y="161" text-anchor="start">SIMULATED' in svg


def test_a_growth_curve_is_the_median_flux_in_each_aperture_relative_to_the_largest() -> None:
    """Star 2 has 80 % of its light within 2.5 px in most exposures; once nothing was measured."""
    campaign = with_photometry(factory.campaign())
    assert growths_of(campaign) == {}  # one aperture
    large = campaign.tables["photometry"]
    small = large.copy()
    small["radius_px"] = np.full(len(small), 2.5) * small["radius_px"].unit
    share = np.where(np.arange(len(small)) % 3 == 1, 0.8, 0.6)
    share[:9] = 0.1
    small["flux"] = large["flux"] * share
    small["flux"][-2] = np.nan
    photometry = vstack([small, large], metadata_conflicts="silent")
    growths = growths_of(replace(campaign, tables={**campaign.tables, "photometry": photometry}))
    assert sorted(growths) == [1, 2, 3]
    for star, expected in ((1, 60.0), (2, 80.0), (3, 60.0)):
        radii, per_cent = growths[star]
        assert radii.tolist() == [2.5, 4.5]
        assert per_cent.tolist() == pytest.approx([expected, 100.0])
    assert growths_of(factory.published()) == {}


def test_the_page_of_a_bad_exposure_says_that_it_is_left_out() -> None:
    campaign = factory.campaign()
    exposures = campaign.tables["exposures"].copy()
    exposures["bad_probability"] = 0.0
    exposures["bad_probability"][1] = 0.999
    changed = replace(campaign, tables={**campaign.tables, "exposures": exposures})
    bad = [page.context["is_bad"] for page in exposure_pages(changed)]
    assert sum(bad) == 1
    page = next(one for one in exposure_pages(changed) if one.context["is_bad"])
    assert page.context["identity"] == str(exposures["exposure_id"][1])
    said = {line.name: line.text for line in page.context["facts"]}
    assert said["Probability of a bad exposure"].endswith("left out of floor, channels and trends")


MODES = {  # hue, shape and filling, as in every figure
    "WFM-AO-N": ("circle", "rp-s-a"),
    "WFM-AO-E": ("circle", "rp-s-a rp-s-open"),
    "WFM-NOAO-N": ("rect", "rp-s-b"),
    "WFM-NOAO-E": ("rect", "rp-s-b rp-s-open"),
}


@pytest.mark.parametrize(("mode", "mark"), MODES.items())
def test_a_small_drawing_marks_modes_as_all_figures_do(mode: str, mark: tuple[str, str]) -> None:
    name, kind = mark
    one = PlotSeries(np.arange(3.0), np.arange(3.0), "c", mode)
    root = ElementTree.fromstring(str(drawn(Plot([one], "x", "y", "w"))))
    assert [part.get("class") for part in root.iter(name)] == [kind] * 3
    other = {"circle": "rect", "rect": "circle"}[name]
    assert not list(root.iter(other))
    assert MODE_OF[mode].color == ("@blue" if kind.startswith("rp-s-a") else "@orange")
    assert MODE_OF[mode].symbol.endswith("-open") is kind.endswith("open")
    spark = ElementTree.fromstring(str(sparkline(np.arange(3.0), "w", [mode] * 3)))
    if kind.endswith("open"):
        assert [part.get("class") for part in spark.iter(name)] == [kind] * 3
    else:  # one line of three points without length; the style sheet makes them round or square
        (dots,) = [one for one in spark.iter("path") if "dots" in one.get("class")]
        assert dots.get("class") == f"rp-s-dots {kind}"
        assert dots.get("d").count("h0") == 3


def test_an_arrow_has_a_head_at_its_end_and_a_key_of_true_length() -> None:
    at = np.array([0.0, 10.0])
    svg = drawn(
        Plot(
            [PlotSeries(at, at, "c")], "x", "y", "w",
            arrows=[(0.0, 0.0, 5.0, 0.0)], key=(5.0, "0.1 px"),
        )
    )  # fmt: skip
    root = ElementTree.fromstring(str(svg))
    paths = [one.get("d") for one in root.iter("path") if one.get("class") == "rp-s-c"]
    assert len(paths) == 2
    ends = [
        [tuple(map(float, p.split())) for p in re.findall(r"[ML]([\d.]+ [\d.]+)", d)] for d in paths
    ]
    (x0, _), (x1, y1) = ends[0][:2]
    for points in ends:
        assert points[1] == points[3], "the head is at the end"
        assert points[2][0] < points[1][0], "and points along the arrow"
        assert points[4][0] < points[1][0]
    assert {one[1] - y1 for one in (ends[0][2], ends[0][4])} == {3.0, -3.0}
    assert ends[1][1][0] - ends[1][0][0] == pytest.approx(x1 - x0, abs=0.11)
    assert "0.1 px" in [one.text for one in root.iter("text")]


def test_the_offsets_of_an_exposure_say_how_much_they_are_enlarged(docs: Path) -> None:
    pages = [one.read_text(encoding="utf-8") for one in docs.glob("exposures/*/*.html")]
    with_offsets = [one for one in pages if "Positions of the stars" in one]
    assert with_offsets
    for text in with_offsets:
        assert re.search(r"Arrows, enlarged \S+ times|Stars lie 0\.000 px", text)


def test_a_flag_has_its_reason_also_where_only_positions_are_known() -> None:
    record = factory.published()
    catalogue = record.tables["catalogue"]
    reasons = dict(zip(catalogue["star_id"].tolist(), flag_reasons(record), strict=True))
    flags = dict(zip(catalogue["star_id"].tolist(), catalogue["flags"].tolist(), strict=True))
    assert {star for star, reason in reasons.items() if reason} == {
        star for star, flag in flags.items() if flag
    }
    assert reasons[15] == "star 14 lies 5.0 px away, less than 6 px"
    assert "edge of the field" in reasons[25]
    (page,) = [one for one in star_pages(record) if one.title == "Star 15"]
    said = {line.name: str(line.text) for line in page.context["facts"]}
    assert said["Flags"] == f"blended: {reasons[15]}"


def test_a_star_without_spectrum_or_gaia_source_says_why_and_what_to_do(docs: Path) -> None:
    (record,) = [one for one in docs.glob("stars/*/15.html") if "simulated" not in one.parts[-2]]
    text = html.unescape(record.read_text(encoding="utf-8"))
    assert "no spectrum as numbers" in text
    assert "<code>python -m pipeline identify</code>" in text
    assert "without network" in text
    simulated = factory.campaign()
    (page,) = [one for one in star_pages(simulated) if one.title == "Star 4"]
    said = {line.name: str(line.text) for line in page.context["facts"]}
    assert "simulated star has no counterpart" in said["Gaia DR3"]


def test_every_drawing_of_a_star_has_a_title_that_states_what_it_shows(docs: Path) -> None:
    pages = [*docs.glob("stars/*/4.html"), *list(docs.glob("exposures/*/*.html"))[:6]]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for caption in re.findall(r"<figcaption>(.*?)</figcaption>", text):
            if "Detection image" not in caption:
                assert re.match(r"<strong>[^<]*\d[^<]*\.</strong>", caption), page


def test_the_index_of_a_record_has_a_course_for_stars_and_a_picture_for_exposures(
    docs: Path,
) -> None:
    record = factory.published()
    courses = star_courses(record)
    assert sorted(courses) == [2, 4, 6, 15, 22]
    assert all("<svg" in one for one in courses.values())
    text = (docs / "exposures.md").read_text(encoding="utf-8")
    assert text.count("Deviation of 4 ratios from their medians") == len(record.tables["exposures"])


def test_a_bar_beyond_the_limit_is_cut_and_marked() -> None:
    root = ElementTree.fromstring(str(bars(np.array([1.0, -2.0, 9.0, np.nan]), 4.0, "w")))
    found = [(one.get("class"), float(one.get("height"))) for one in root.iter("rect")]
    assert found == [("rp-s-c", 5.5), ("rp-s-c", 11.0), ("rp-s-far", 22.0)]


def test_a_star_or_exposure_leads_to_its_counterpart_of_the_other_kind() -> None:
    record, simulated = factory.published(), factory.campaign()
    both = [record, simulated]
    pages = {one.title: one for one in with_counterparts(star_pages(record), record, both)}
    assert pages["Star 4"].counterpart.href == f"../../stars/{simulated.name}/4.html"
    there = {int(star) for star in simulated.tables["catalogue"]["star_id"]}
    (missing, *_) = [
        int(star) for star in record.tables["catalogue"]["star_id"] if star not in there
    ]
    assert pages[f"Star {missing}"].counterpart.href == "../../stars.html?campaign=simulated"
    links = set(exposure_links(simulated).values())
    for page in with_counterparts(exposure_pages(record), record, both):
        assert page.counterpart.href.removeprefix("../../") in links
        assert page.counterpart.label.split()[-1] == page.title.split()[-1], "of the same mode"
    assert with_counterparts(star_pages(record), record, [record])[0].counterpart is None


def test_the_counterpart_of_an_exposure_is_that_of_the_nearest_night() -> None:
    record, simulated = factory.published(), factory.campaign()
    nights = {
        (str(row["mode"]), str(row["night"]))
        for row in simulated.tables["exposures"]
        if row["night"]
    }
    page = with_counterparts(exposure_pages(record), record, [record, simulated])[0]
    night, mode = page.title.split()
    days = {
        one: abs(date.fromisoformat(one) - date.fromisoformat(night))
        for m, one in nights
        if m == mode
    }
    assert days[page.counterpart.label.split()[0]] == min(days.values())

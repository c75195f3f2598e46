"""Pages of single stars and exposures: whole, small, linked, and harmless."""

import html
import itertools
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from astropy.table import vstack

from pipeline.report.figures.small_svg import Plot, PlotSeries, drawn, round_ticks, sparkline
from pipeline.report.pages.detail import residuals_of
from pipeline.report.pages.exposure import exposure_pages
from pipeline.report.pages.remedies import OTHERWISE, REMEDIES, remedy_of
from pipeline.report.pages.star import star_pages
from pipeline.report.pages.star_curves import growths_of
from pipeline.report.rows import MAX_EXPOSURE_PAGES, exposure_links
from pipeline.schema.results import Results
from tests.report import factory

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
    assert "+5.00 %" in star.context["curves"][0]


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
    assert said["Probability of a bad exposure"].endswith("left out of the statistics")

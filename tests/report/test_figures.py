"""Figures as Plotly and matplotlib draw them: one definition, the same data."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import plotly.graph_objects as go
import pytest
from astropy.table import QTable

from pipeline.report.figures.base import (
    Figure,
    compact_json,
    merged,
    note,
    resolve,
    stamped,
    to_json_list,
)
from pipeline.report.figures.comparison import DotSeries, dots_figure
from pipeline.report.figures.scatter import ScatterPoints, StabilityFloor, scatter_figure
from pipeline.report.figures.spectra import running_mean
from pipeline.report.figures.static_image import static_svg
from pipeline.report.figures.timeline_panels import panel_axes, timing_of
from pipeline.report.figures.timelines import headline_timelines
from pipeline.report.pages import scatter, stars
from pipeline.report.pages.base import PageInputs, PageNumbering, make_page
from pipeline.report.pages.scatter import scatter_view
from pipeline.report.rows import headline_pairs
from pipeline.schema.results import Results
from tests.report import factory
from tests.report.factory import HOSTILE, HOSTILE_ID, HOSTILE_TITLE

MOST = 10  # pairs of a kind that are drawn, instead of 2000


def views(figure: Figure) -> Iterator[tuple[str, list[dict[str, Any]], dict[str, Any]]]:
    """The figure as first shown and with each of its choices."""
    yield "", list(figure.data), figure.layout
    for label, patch in figure.variants.items():
        data = [
            merged(trace, patch.get("data", {}).get(str(index), {}))
            for index, trace in enumerate(figure.data)
        ]
        yield label, data, merged(figure.layout, patch.get("layout", {}))


def test_every_figure_has_an_identity_of_its_own(figures: list[Figure]) -> None:
    """Two pages may show one figure (the timelines), but never two figures under one name."""
    by_name: dict[str, Figure] = {}
    for figure in figures:
        assert re.fullmatch(r"[a-z0-9.-]+", figure.figure_id)
        assert figure == by_name.setdefault(figure.figure_id, figure)
    assert len(by_name) > 20


def test_plotly_accepts_every_figure_and_every_choice(figures: list[Figure]) -> None:
    for figure in figures:
        for number, (_, data, layout) in enumerate(views(figure)):
            if number > 5:
                break  # the others have the same form
            go.Figure(data=resolve(data), layout=resolve(layout))  # raises on an unknown property
        go.Figure(layout=resolve(merged(figure.layout, figure.narrow)))


def test_a_choice_shows_what_it_says_and_the_first_is_what_stands_there(
    figures: list[Figure],
) -> None:
    for figure in figures:
        if figure.variants:
            assert figure.first_variant in figure.variants
            _, base, _ = next(views(figure))
            first = {label: data for label, data, _ in views(figure)}[figure.first_variant]
            assert compact_json(first) == compact_json(base)


def test_simulated_figures_say_so_in_every_choice_and_on_a_phone(figures: list[Figure]) -> None:
    for figure in figures:
        for _, _, layout in views(figure):
            for shape in (layout, merged(layout, figure.narrow)):
                said = " ".join(note["text"] for note in shape.get("annotations", []))
                assert ("SIMULATED" in said) == figure.simulated


def test_figures_are_valid_json_without_nan(figures: list[Figure]) -> None:
    for figure in figures:
        text = compact_json([figure.data, figure.layout, figure.narrow, figure.variants])
        json.loads(text, parse_constant=pytest.fail)


def test_every_axis_has_a_title_or_labels_of_its_own(figures: list[Figure]) -> None:
    for figure in figures:
        axes = [part for key, part in figure.layout.items() if re.match(r"[xy]axis", key)]
        assert axes
        assert any(part.get("title", {}).get("text") or part.get("ticktext") for part in axes)


def test_no_colour_is_the_only_sign(figures: list[Figure]) -> None:
    """Two named marker traces of a figure differ in symbol, or belong to one legend group."""
    for figure in figures:
        if figure.figure_id.startswith("calendar"):
            continue  # there colour repeats what the panel's name says
        looks: dict[str, set[str]] = {}
        for trace in figure.data:
            symbol = trace.get("marker", {}).get("symbol")
            if "markers" in trace.get("mode", "") and isinstance(symbol, str):
                looks.setdefault(symbol, set()).add(trace["name"])
        assert all(len(names) == 1 for names in looks.values()), (figure.figure_id, looks)


@pytest.mark.slow
@pytest.mark.parametrize("narrow", [False, True])
def test_the_still_picture_draws_every_figure_as_well_formed_svg(
    figures: list[Figure], narrow: bool
) -> None:
    for figure in figures:
        root = ElementTree.fromstring(static_svg(figure, narrow))
        text = " ".join("".join(element.itertext()) for element in root.iter())
        assert ("SIMULATED" in text) == figure.simulated


def test_hostile_names_in_a_still_picture_are_text() -> None:
    figure = dots_figure(
        [HOSTILE, HOSTILE_ID],
        [DotSeries(HOSTILE_TITLE, [1.0, 3.0], [np.nan, np.nan], "circle", "@blue")],
        HOSTILE,
        figure_id="f",
        title=HOSTILE,
        caption=HOSTILE,
        simulated=True,
        tables=(),
    )
    for narrow in (False, True):
        root = ElementTree.fromstring(static_svg(figure, narrow))
        kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not kinds & {"script", "img", "a", "foreignObject"}
        handlers = {
            name for element in root.iter() for name in element.attrib if name.startswith("on")
        }
        assert handlers == set()


def test_the_still_picture_shows_every_point_where_plotly_does() -> None:
    figure = dots_figure(
        ["a", "b"],
        [DotSeries("one", [1.0, 3.0], [np.nan, np.nan], "circle", "@blue")],
        "x",
        figure_id="f",
        title="t",
        caption="c",
        simulated=False,
        tables=(),
    )
    layout = figure.layout | {"xaxis": {"range": [0, 4]}, "showlegend": False, "height": 300}
    root = ElementTree.fromstring(static_svg(replace(figure, layout=layout)))
    uses = [
        e for e in root.iter() if e.tag.endswith("use") and "0072B2" in e.get("style", "").upper()
    ]
    x = sorted(float(e.get("x", "nan")) for e in uses)
    margin = layout["margin"]
    width = 860 - margin["l"] - margin["r"]
    expected = [0.72 * (margin["l"] + width * value / 4) for value in (1.0, 3.0)]
    assert np.allclose(x, expected, atol=0.06)  # a tenth of a point is what the file keeps


@pytest.mark.parametrize("narrow", [False, True])
def test_a_spaxel_is_square_in_the_still_picture_of_the_field(narrow: bool) -> None:
    page = make_page(stars.PAGE, PageInputs((factory.campaign(),), factory.build_info(), {}))
    assert page
    svg = ElementTree.fromstring(static_svg(page.figures[0], narrow=narrow))
    (picture,) = (node for node in svg.iter() if node.tag.endswith("image"))
    across, _, _, up = re.findall(r"[\d.]+", picture.get("transform", ""))[:4]
    assert float(across) == pytest.approx(float(up), rel=0.01)


def test_an_unknown_kind_of_trace_is_refused() -> None:
    figure = Figure("f", "t", "c", "a", [{"type": "pie", "values": [1]}], {}, False)
    with pytest.raises(ValueError, match="pie"):
        static_svg(figure)


def test_outliers_become_arrows_and_are_never_hidden() -> None:
    results = factory.campaign()
    tables = results.tables
    common: dict[str, Any] = {
        "figure_id": "f",
        "title": "t",
        "caption": "c",
        "simulated": True,
        "tables": (),
    }
    links = {str(identity): "data.html" for identity in tables["exposures"]["exposure_id"]}
    figure = headline_timelines(
        tables["timelines"], tables["exposures"], {}, factory.HEADLINE, links, **common
    )
    arrows = [trace for trace in figure.data if trace["legendgroup"] == "beyond" and trace["x"]]
    assert [trace["text"] for trace in arrows] == [["+530 %"]]
    assert arrows[0]["marker"]["symbol"] == ["triangle-up"]
    drawn = sum(len([y for y in trace["y"] if y is not None]) for trace in figure.data)
    rows = [(int(a), int(b)) in factory.HEADLINE for a, b in zip(
        tables["timelines"]["star_1"], tables["timelines"]["star_2"], strict=True)]  # fmt: skip
    assert drawn == sum(rows)


def test_a_long_pause_breaks_the_axis_of_dates() -> None:
    results = factory.published()
    figure = headline_timelines(
        results.tables["timelines"],
        results.tables["exposures"],
        {},
        [(4, 6)],
        {},
        figure_id="f",
        title="t",
        caption="c",
        simulated=False,
        tables=(),
    )
    first, second = figure.layout["xaxis"], figure.layout["xaxis2"]
    assert first["range"][1] < second["range"][0]
    assert first["domain"][1] < second["domain"][0]


def test_a_few_nights_have_labels_of_days() -> None:
    """No month may begin between two nights, and then an axis of months has no label at all."""
    columns = {"mjd_mid": [58552.1, 58554.1], "night": ["", ""], "mode": ["WFM-AO-N"] * 2}
    nights = QTable({"exposure_id": ["a", "b"], **columns})
    timing = timing_of(nights, {"a", "b"}, {})
    assert timing.stretches[0].first == "2019-03-04"
    layout = panel_axes(0, 1, 0.2, timing)
    assert layout["xaxis"]["dtick"] == 3 * 86_400_000
    trace = {"type": "scatter", "mode": "markers", "x": ["2019-03-10 02:24"], "y": [0.1]}
    svg = static_svg(Figure("f", "t", "c", "a", [trace], layout | {"height": 300}, False)).decode()
    days = [int(day) for day in re.findall(r">(\d+) Mar<", svg)]
    assert days == [6, 9, 12, 15, 18]  # 9 March 2019 is day 17964 after 1 January 1970, 3 x 5988


def test_scatter_shows_photon_noise_and_the_floor_in_per_cent() -> None:
    points = ScatterPoints(
        "p", np.array([100.0, 1000.0]), np.array([0.1, 0.05]), np.full(2, np.nan), ["a", "b"],
        "circle", "@blue",
    )  # fmt: skip
    figure = scatter_figure(
        [points], [], StabilityFloor(0.04, 0.03, 0.05, "floor"), choice=("R_Bessel", 3.0), figure_id="f",
        title="t", caption="c", simulated=False, tables=(),
    )  # fmt: skip
    line = next(trace for trace in figure.data if trace["name"].startswith("photon"))
    x, y = np.array(line["x"]), np.array(line["y"])
    assert np.allclose(y * x, 100, rtol=1e-3)
    curve = next(trace for trace in figure.data if "floor" in trace["name"])
    x, y = np.array(curve["x"]), np.array(curve["y"])
    assert np.allclose((y / 100) ** 2, 0.04**2 + (1 / x) ** 2, rtol=1e-3)


def test_the_still_picture_has_the_floor_where_plotly_has_it() -> None:
    """On a logarithmic axis a shape's position is the value, an annotation's its logarithm."""
    points = ScatterPoints(
        "p", np.array([100.0, 1000.0]), np.array([0.1, 0.01]), np.full(2, np.nan), ["a", "b"],
        "circle", "@blue",
    )  # fmt: skip
    figure = scatter_figure(
        [points], [], StabilityFloor(0.03, 0.02, 0.04, "floor"), choice=("R_Bessel", 3.0), figure_id="f",
        title="t", caption="c", simulated=False, tables=(),
    )  # fmt: skip
    root = ElementTree.fromstring(static_svg(figure))
    line = next(
        e for e in root.iter() if "opacity:0.55" in e.get("style", "") and e.tag.endswith("path")
    )
    y = float(line.get("d", "").split()[2])
    low, high = figure.layout["yaxis"]["range"]
    margin, height = figure.layout["margin"], figure.layout["height"]
    plot = height - margin["t"] - margin["b"]
    expected = 0.72 * (margin["t"] + plot * (high - np.log10(100 * 0.03)) / (high - low))
    assert abs(y - expected) < 0.1


def test_running_mean_leaves_gaps_out_and_open() -> None:
    curve = np.array([1.0, 2.0, np.nan, 4.0, 6.0])
    assert np.allclose(running_mean(curve, 3), [1.5, 1.5, np.nan, 5.0, 5.0], equal_nan=True)


def test_lean_numbers_are_short_and_null_where_missing() -> None:
    assert to_json_list(np.array([1 / 3, np.nan, np.inf]), 3) == [0.333, None, None]
    assert to_json_list([1, 2]) == [1, 2]


def test_a_patch_reaches_into_lists() -> None:
    base = {"a": [{"x": 1, "y": 2}, {"x": 3}], "b": 1}
    assert merged(base, {"a": {"0": {"x": 9}}}) == {"a": [{"x": 9, "y": 2}, {"x": 3}], "b": 1}
    assert merged(base, {"a": []})["a"] == []


def test_the_watermark_is_added_once_and_only_where_it_is_true() -> None:
    assert stamped({}, False) == {}
    assert [one["text"] for one in stamped({}, True)["annotations"]] == ["SIMULATED"]
    assert stamped({}, True, mixed=True)["annotations"][0]["text"] == "PARTLY SIMULATED"


def test_the_script_and_python_know_the_same_colours() -> None:
    script = Path("site_src/assets/js/report.js").read_text(encoding="utf-8")
    from pipeline.report.figures.base import LIGHT

    for name, color in LIGHT.items():
        assert len(re.findall(rf'\b{name[1:]}: "', script)) == 2, f"{name} must be in both palettes"
        assert color.lower().replace(" ", "") in script.lower().replace(" ", "")


def test_pairs_without_any_snr_make_no_scatter_figure() -> None:
    """Seen with R_Bessel and a reference exposure in which the sodium notch takes that band."""
    campaign = factory.campaign()
    pairs = campaign.tables["pairs"].copy()
    pairs["snr_ratio"] = np.nan
    blind = replace(campaign, tables={**campaign.tables, "pairs": pairs})
    assert scatter_view(blind, PageNumbering({})) is None
    assert scatter_view(campaign, PageNumbering({})) is not None


def line(fill: str = "none", words: str = "") -> Figure:
    """A figure of one line."""
    trace = {"type": "scatter", "mode": "lines", "x": [0, 1, 2], "y": [1, 2, 1], "fill": fill}
    layout = {"height": 200, "annotations": [note(words, 0.5, 0.5)] if words else []}
    return Figure("line", "a line", "", "", [trace], layout, False)


def test_of_many_pairs_some_are_drawn_the_headlines_among_them_and_the_caption_says_so(
    campaigns: list[Results], monkeypatch: pytest.MonkeyPatch
) -> None:
    results = campaigns[-1]
    whole = scatter_view(results, PageNumbering({}))
    monkeypatch.setattr(scatter, "MAX_DRAWN_PAIRS", MOST)
    some = scatter_view(results, PageNumbering({}))
    assert whole is not None
    assert some is not None

    def points(figure: Figure) -> set[str]:
        traces = [one for one in figure.data if "flagged" in one["name"] or one["name"] == "pair"]
        assert len(traces) == 2
        named = {f"pair {name}" for one in figure.data for name in one.get("text", ())}
        others = {str(one[0]) for trace in traces for one in trace["customdata"]}
        assert not named & {one.removesuffix(" (flagged star)") for one in others}
        return named | others

    drawn, known = points(some.figure), points(whole.figure)
    assert drawn < known
    assert len(drawn) <= 2 * MOST + len(headline_pairs(results))
    assert {f"pair {a}/{b}" for a, b in headline_pairs(results)} <= {
        one.removesuffix(" (flagged star)") for one in drawn
    }
    assert re.match(rf"All \d+ pairs\. {len(drawn)} of them are drawn\.", some.figure.caption)
    assert "are drawn" not in whole.figure.caption


def test_words_of_a_static_picture_keep_their_spaces() -> None:
    text = static_svg(line(words="line and band: the model; no more")).decode()
    assert "line and band: the model; no more" in text


def test_a_static_picture_refuses_a_fill_that_it_cannot_draw() -> None:
    assert static_svg(line("toself"))
    with pytest.raises(ValueError, match="cannot draw the fill 'tonexty'"):
        static_svg(line("tonexty"))

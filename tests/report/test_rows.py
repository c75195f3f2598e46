"""Rows and tables as pages show them: which numbers, in which column, how they are printed."""

import math
from dataclasses import fields

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Column, MaskedColumn, QTable
from markupsafe import Markup

from pipeline.report import rows
from pipeline.report.rows import PairStats
from pipeline.report.tables import (
    Cell,
    Head,
    TableView,
    cells,
    head_of,
    heads,
    without_empty_columns,
)
from pipeline.report.text import NOTHING
from pipeline.schema import TABLES
from pipeline.schema.definitions import reported
from pipeline.schema.results import Interval, Results
from tests.report.tables import fill

SETTINGS = {"statistics": {"pairs": [[2, 22], [4, 6]], "band": "R_Bessel", "radius_px": 3.0}}
VALUES = {
    "std_published": 0.01, "std": 0.02, "std_robust": 0.03, "photon_std": 0.04, "excess_std": 0.05,
    "excess_std_err": 0.006, "slope_per_year": 0.11, "slope_err": 0.012,
    "trend_p": 0.08, "trend_p_adjusted": 0.009, "snr_gmean": 130.0,
}  # fmt: skip


def results(tables=None, settings=SETTINGS, **more):
    return Results(
        "demo", "Demo", "cubes", False, "LTT 3218", "2019-01-01", "2019-02-01", tables or {}, (),
        settings=settings, **more,
    )  # fmt: skip


def pairs_table():
    """One pair in two bands and two apertures; only one row is that of the headline."""
    bands, radii = ["R_Bessel", "R_Bessel", "I_Bessel"], [4.5, 3.0, 3.0]
    columns = {name: [9.0, value, 9.0] for name, value in VALUES.items()}
    return fill(
        "pairs", 3, star_1=[2] * 3, star_2=[22] * 3, band=bands, radius_px=radii, n=[9, 65, 9],
        **columns,
    )  # fmt: skip


def exposures(*statuses):
    n = len(statuses)
    ids = [f"MUSE.2019-01-01T00:00:{k:02d}" for k in range(n)]
    return fill("exposures", n, exposure_id=ids, status=list(statuses))


def test_the_headlines_are_those_of_the_settings():
    assert rows.headline_pairs(results()) == ((2, 22), (4, 6))
    assert rows.headline_choice(results()) == ("R_Bessel", 3.0)


def test_settings_that_do_not_say_have_the_defaults():
    assert rows.headline_pairs(results(settings={}))[0] == (2, 22)
    assert rows.headline_choice(results(settings={})) == ("I_Bessel", 4.5)


def test_statistics_of_a_pair_are_those_of_headline_band_and_aperture():
    found = rows.pair_stats(results({"pairs": pairs_table()}))
    assert found == {
        (2, 22): PairStats(
            n=65, std_published=0.01, std=0.02, std_robust=0.03, trend_p=0.08,
            trend_p_adjusted=0.009, slope_per_year=0.11, slope_err=0.012, photon_std=0.04, excess_std=0.05,
            excess_std_err=0.006, snr_gmean=130.0,
        )
    }  # fmt: skip


def test_a_record_without_photometry_has_what_its_reanalysis_knows_of_all_points():
    table = fill(
        "reanalysis", 2, star_1=[2, 2], star_2=[22, 22], subset=["all", "season"], n=[65, 9],
        **{name: [VALUES[name], 9.0] for name in set(rows.COMMON_COLUMNS.values())},
    )  # fmt: skip
    (stats,) = rows.pair_stats(results({"reanalysis": table})).values()
    assert (stats.n, stats.std_published, stats.std, stats.std_robust) == (65, 0.01, 0.02, 0.03)
    others = [one.name for one in fields(stats) if one.name not in ("n", *rows.COMMON_COLUMNS)]
    assert len(others) == 8
    assert all(math.isnan(getattr(stats, name)) for name in others)
    assert rows.pair_stats(results()) == {}


@pytest.mark.parametrize(("pair", "slope"), [((2, 22), 0.11), ((22, 2), -0.11)])
def test_the_trend_of_a_pair_of_the_record_is_that_of_its_ten_pairs_in_either_order(pair, slope):
    once = fill(
        "reanalysis", 1, star_1=[pair[0]], star_2=[pair[1]], subset=["all"], n=[65],
        **{name: [VALUES[name]] for name in rows.COMMON_COLUMNS},
    )  # fmt: skip
    tested = fill(
        "record_pairs", 2, star_1=[2, 2], star_2=[4, 22], slope_per_year=[9.0, 0.11],
        slope_err=[9.0, 0.012], trend_p=[9.0, 0.08], trend_p_adjusted=[9.0, 0.8],
    )  # fmt: skip
    stats = rows.pair_stats(results({"reanalysis": once, "record_pairs": tested}))[pair]
    assert (stats.slope_per_year, stats.slope_err) == (slope, 0.012)
    assert (stats.trend_p, stats.trend_p_adjusted) == (0.08, 0.8)


def test_figures_show_the_published_convention_for_a_field_of_a_standard_only():
    tables = {"pairs": pairs_table()}
    assert rows.shown_stds(results(tables)) == {(2, 22): 0.01}
    assert rows.sigma_words(results(tables)) == "σ published"
    foreign = results(tables, of_standard=False)
    assert rows.shown_stds(foreign) == {(2, 22): 0.02}
    assert rows.sigma_words(foreign) == "σ"


@pytest.mark.parametrize("of_standard", [True, False])
def test_the_row_of_a_pair_has_a_cell_under_every_heading(of_standard):
    campaign = results({"pairs": pairs_table()}, of_standard=of_standard)
    (pair, stats), = rows.pair_stats(campaign).items()  # fmt: skip
    labels = [head.label for head in rows.pair_heads(campaign)]
    texts = [cell.text for cell in rows.pair_cells(campaign, pair, stats)]
    known = {column.name: column.head for column in TABLES["pairs"]}
    shown = dict(zip(labels, texts, strict=True))
    expected = {
        "Pair": "2/22", known["n"]: "65", known["std"]: "2.00", known["std_robust"]: "3.00",
        known["photon_std"]: "4.00", known["excess_std"]: "5.00 ± 0.60",
        known["slope_per_year"]: "11.0 ± 1.2", known["trend_p"]: "0.080",
        known["trend_p_adjusted"]: "0.0090",
    }  # fmt: skip
    if of_standard:
        expected[known["std_published"]] = "1.00"
        known["std"] = "σ with outliers"  # cards and figures have the scatter without
        expected[known["std"]] = expected.pop("σ")
    assert shown == expected
    units = {head.label: head.unit for head in rows.pair_heads(campaign)}
    assert (units[known["std"]], units[known["slope_per_year"]]) == ("%", "%/yr")


def test_the_error_of_a_pair_is_that_of_its_headline_number():
    known = reported(
        "std_published", 0.01, source="pairs", subject="2/22", interval=Interval(sigma=0.002)
    )
    campaign = Results(
        "demo", "Demo", "cubes", False, "F", "2019", "2019", {"pairs": pairs_table()}, (known,),
        settings=SETTINGS,
    )  # fmt: skip
    assert rows.pair_error(campaign, "std_published", (2, 22)) == 0.002
    assert math.isnan(rows.pair_error(campaign, "std_published", (4, 6)))
    (stats,) = rows.pair_stats(campaign).values()
    assert rows.pair_cells(campaign, (2, 22), stats)[2] == Cell("1.00 ± 0.20", kind="strong")
    assert rows.find_number(campaign, "std_published.2-22") is known
    assert rows.find_number(campaign, "std_published") is None


def test_only_a_p_value_that_counts_as_a_finding_is_coloured():
    assert rows.p_cell(0.049) == Cell("0.049", kind="bad")
    assert rows.p_cell(0.051) == Cell("0.051")
    assert rows.p_cell(math.nan) == Cell(NOTHING)


def test_a_masked_number_is_nan_and_a_unit_is_left_out():
    masked = MaskedColumn([1, 2], mask=[False, True])
    np.testing.assert_array_equal(rows.plain(masked), [1.0, np.nan])
    np.testing.assert_array_equal(rows.plain([3.0] * u.pix), [3.0])
    assert isinstance(rows.plain(masked), np.ndarray)
    assert not isinstance(rows.plain(masked), np.ma.MaskedArray)
    assert math.isnan(rows.number(masked[1]))
    assert (rows.number(masked[0]), rows.number(4.0 * u.s)) == (1.0, 4.0)
    assert (rows.text_of(masked[1]), rows.text_of("a")) == ("", "a")
    assert (rows.whole(masked[1]), rows.whole(np.int64(7))) == (NOTHING, "7")


def test_unlike_exposures_never_share_an_anchor():
    table = fill("exposures", 3, exposure_id=["A b", "a-B", "a b"], status=["ok"] * 3)
    assert rows.exposure_anchors(results({"exposures": table})) == {
        "A b": "demo-a-b", "a-B": "demo-a-b-2", "a b": "demo-a-b-3"
    }  # fmt: skip


def test_every_exposure_has_a_page_until_there_are_too_many(monkeypatch):
    campaign = results({"exposures": exposures("ok", "failed")})
    first, second = campaign.tables["exposures"]["exposure_id"].tolist()
    page = "exposures/demo/muse.2019-01-01t00-00-0{}.html"
    monkeypatch.setattr(rows, "MAX_EXPOSURE_PAGES", 2)
    assert rows.exposure_links(campaign) == {first: page.format(0), second: page.format(1)}
    monkeypatch.setattr(rows, "MAX_EXPOSURE_PAGES", 1)
    shared = "exposure.html?id=demo/0/MUSE.2019-01-01T00%3A00%3A00"  # the night is not known
    assert rows.exposure_links(campaign) == {first: shared, second: page.format(1)}


def test_an_exposure_is_called_by_night_and_mode():
    assert rows.exposure_label({"night": "2019-01-01", "mode": "WFM-AO-N"}) == "2019-01-01 WFM-AO-N"


def test_text_of_tables_is_readable_and_the_tables_that_came_in_stay_as_they_are():
    text = MaskedColumn(["a\nb", "x"], mask=[False, True], name="reason", description="why")
    text.info.meta = {"ucd": "meta.note"}
    table = QTable([text, Column([1, 2], name="n")])
    clean = rows.readable(results({"t": table})).tables["t"]
    assert clean["reason"].tolist() == ["a b", ""]
    assert (clean["reason"].info.description, clean["reason"].info.meta) == (
        "why", {"ucd": "meta.note"}
    )  # fmt: skip
    assert clean["n"].tolist() == [1, 2]
    assert table["reason"][0] == "a\nb"
    assert np.shares_memory(clean["n"], table["n"])


def test_a_column_that_is_readable_is_not_copied_unless_it_is_wider_than_its_texts():
    table = QTable(
        [Column(["ab", "c"], name="fits"), Column(np.array(["ab", "c"], "U9"), name="wide")]
    )
    table["empty"] = np.array(["", ""], "U1")
    clean = rows.readable(results({"t": table})).tables["t"]
    assert np.shares_memory(clean["fits"], table["fits"])
    assert np.shares_memory(clean["empty"], table["empty"])
    assert clean["wide"].dtype.str == "<U2"
    assert clean["wide"].tolist() == ["ab", "c"]


def test_a_heading_takes_label_unit_and_meaning_from_the_schema():
    known = {column.name: column for column in TABLES["pairs"]}
    first, second = heads("pairs", "slope_per_year", "band")
    assert first == Head(
        known["slope_per_year"].head, "1/yr", known["slope_per_year"].description, numeric=True
    )
    assert (second.numeric, heads("pairs", "same_channel")[0].numeric) == (False, False)
    with pytest.raises(KeyError):
        heads("pairs", "of my own")


def test_placeholders_of_a_description_are_filled_or_the_description_is_left_out():
    column = next(c for table in TABLES.values() for c in table if "{" in c.description)
    names = [part.split("}")[0] for part in column.description.split("{")[1:]]
    filled = head_of(column, **dict.fromkeys(names, "WORD")).title
    assert "WORD" in filled
    assert "{" not in filled
    assert head_of(column).title == ""


def view(*texts):
    return TableView(
        "t", "A table.", (Head("a"), Head("b"), Head("c")), tuple(cells(*row) for row in texts)
    )


def test_cells_are_made_of_texts_and_ready_cells_stay():
    ready = Cell("x", kind="bad")
    assert cells("a", ready, Markup("<b>")) == (Cell("a"), ready, Cell(Markup("<b>")))


def test_a_column_without_any_value_goes_and_the_caption_names_it():
    trimmed = without_empty_columns(view(("1", "", NOTHING), ("", NOTHING, "2")))
    assert [head.label for head in trimmed.heads] == ["a", "c"]
    assert trimmed.rows == (cells("1", NOTHING), cells("", "2"))
    assert trimmed.caption == "A table. Not known: b."


def test_a_table_that_is_full_or_wholly_empty_stays_as_it_is():
    full, empty = view(("1", "2", "3")), view(("", "", ""))
    assert without_empty_columns(full) is full
    assert without_empty_columns(empty) is empty


def test_a_table_of_a_page_has_no_search_and_no_sort_unless_it_says_so():
    plain = view(("1", "2", "3"))
    assert (plain.filter, plain.sort, plain.simulated, plain.mixed) == (False,) * 4
    assert (plain.groups, plain.anchors, plain.source) == ((), (), "")

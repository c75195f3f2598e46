"""What the page of stars says of Gaia, and how a variable star is marked."""

import dataclasses

import numpy as np
import pytest

from pipeline.archive.gaia import not_identified
from pipeline.report import render
from pipeline.tasks.identification import flag_stars
from tests.report import factory

pytestmark = pytest.mark.usefixtures("stills_left_blank")


def page_of(results, tmp_path):
    docs = tmp_path / "docs"
    render([results], factory.build_info(), docs)
    return (docs / "stars.md").read_text(), docs


def with_tables(results, **tables):
    return dataclasses.replace(results, tables={**results.tables, **tables})


def identified(results, variable):
    """An identification of every star but the last."""
    ids = np.asarray(results.tables["catalogue"]["star_id"])
    known = np.arange(len(ids)) < len(ids) - 1
    return factory.fill(
        "identification",
        len(ids),
        star_id=ids,
        source_id=np.where(known, [f"56000000000000000{star:02d}" for star in ids], ""),
        separation_arcsec=np.where(known, 0.05, np.nan),
        g_mag=np.where(known, 17.25, np.nan),
        bp_rp=np.full(len(ids), np.nan),
        pm_ra_masyr=np.where(known, -3.14, np.nan),
        pm_dec_masyr=np.where(known, 2.0, np.nan),
        variable=np.where(np.isin(ids, variable), "VARIABLE", np.where(known, "NOT_AVAILABLE", "")),
        status=np.where(known, "identified", "not identified"),
        reason=np.where(known, "", "no source within the tolerance"),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("simulated", "remedy"), [(False, "python -m pipeline identify"), (True, "These stars are sim")]
)
def test_without_an_identification_the_page_says_so_in_one_sentence(tmp_path, simulated, remedy):
    page, _ = page_of(factory.campaign(simulated=simulated), tmp_path)
    (line,) = [line for line in page.splitlines() if line.startswith("<p><strong>Gaia")]
    assert "not identified" in line
    assert remedy in line


@pytest.mark.slow
def test_the_page_shows_each_star_s_source_and_marks_the_variable_one(tmp_path):
    results = factory.campaign(simulated=False)
    ids = [int(star) for star in results.tables["catalogue"]["star_id"]]
    results = with_tables(
        results,
        identification=identified(results, [ids[1]]),
        catalogue=flag_stars(results.tables["catalogue"], [ids[1]]),
    )
    page, docs = page_of(results, tmp_path)
    assert f"{len(ids) - 1} of {len(ids)} stars are identified" in page
    assert f"Variable&#58; star {ids[1]}" in page or f"Variable: star {ids[1]}" in page
    assert "Not identified: no source within the tolerance." in page
    (row,) = [line for line in page.splitlines() if f">56000000000000000{ids[1]:02d}<" in line]
    assert 'class="bad rp-text">variable' in row
    assert ">17.25<" in row
    assert "\N{MINUS SIGN}3.1<" in row
    assert page.count("not identified</td>") == 1
    figure = (docs / "assets" / "figures" / f"detection-{results.name}.js").read_text()
    assert "variable star (Gaia DR3)" in figure
    assert "diamond-open" in figure
    assert (docs / "data" / results.name / "identification.ecsv").exists()


@pytest.mark.slow
def test_of_stars_that_nobody_could_identify_there_is_a_reason_and_no_table(tmp_path):
    results = factory.campaign(simulated=False)
    table = not_identified(results.tables["catalogue"], "the archive gives no answer")
    page, _ = page_of(with_tables(results, identification=table), tmp_path)
    assert "Not identified: the archive gives no answer." in page
    assert f'id="identification-{results.name}"' not in page


@pytest.mark.slow
def test_hostile_responses_stay_text(tmp_path):
    results = factory.campaign(simulated=False)
    table = identified(results, [])
    table["source_id"] = [factory.HOSTILE] * len(table)
    table["reason"] = [factory.HOSTILE] * len(table)
    page, _ = page_of(with_tables(results, identification=table), tmp_path)
    assert "<script>alert" not in page
    assert "javascript:" not in page

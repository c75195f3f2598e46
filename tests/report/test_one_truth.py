"""Each number, definition and choice exists once: pages and files follow the registry and the settings."""

import dataclasses
import html
import json
import re
from pathlib import Path

import numpy as np
import pytest

from pipeline.config.paths import ROOT
from pipeline.report import render
from pipeline.report.citation import read_citation
from pipeline.report.downloads.dataset import dataset_of
from pipeline.report.pages.registry import page_types, part_place
from pipeline.report.tables import heads
from pipeline.schema import ROW_OF, TABLES
from pipeline.schema.definitions import DEFINITIONS, reported
from pipeline.schema.publications import STUDY
from pipeline.schema.results import OURS, PUBLISHED
from tests.report import factory

# A choice of report.toml, a fact of one field, or a publication, written out instead of taken over.
LITERALS = re.compile(
    r"Bessell|[VRI]_Bessel|\b4\.5\b|25 stars|[Tt]he study|[Tt]he 2021|standard-star|five apertures"
)
WRITERS = ("templates", "pipeline/report", "pipeline/schema")
RECORD_RADII = "APERTURE_RADII_PX = "  # those of the published record, which are facts


@pytest.mark.parametrize("folder", WRITERS)
def test_no_template_caption_or_description_writes_a_choice_out(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".py", ".j2")
        for line in path.read_text(encoding="utf-8").splitlines()
        if LITERALS.search(line) and not line.startswith(RECORD_RADII)
    ]
    assert found == []


@pytest.mark.slow
@pytest.mark.usefixtures("stills_left_blank")
def test_a_band_and_radii_off_their_defaults_reach_every_page_and_file(tmp_path: Path) -> None:
    campaign = factory.campaign(band="R_Bessel", radii_px=(2.0, 3.0, 3.25), radius_px=3.25)
    render([campaign], factory.build_info(), tmp_path / "docs")
    default = re.compile(r"I_Bessel|\b4\.5 px|\br[1345]\.5\b")
    written = sorted((tmp_path / "docs").glob("*.md")) + sorted(
        path
        for path in (tmp_path / "docs" / "data").rglob("*")
        if path.suffix in (".ecsv", ".json")
    )
    written += sorted((tmp_path / "docs" / "assets" / "figures").glob("*.js"))
    by_hand = {path.name for path in (ROOT / "site_src").glob("*.md")}
    for path in written:
        if path.name not in by_hand:
            assert not default.search(html.unescape(path.read_text(encoding="utf-8"))), path.name
    timelines = html.unescape((tmp_path / "docs" / "pairs.md").read_text(encoding="utf-8"))
    assert "R_Bessel, r = 3.25 px" in timelines
    assert "r3.25" in (tmp_path / "docs" / "data" / campaign.name / "snr.ecsv").read_text()


def test_definitions_are_whole_and_each_name_stands_for_one() -> None:
    for quantity, one in DEFINITIONS.items():
        assert quantity == one.quantity
        assert one.name
        assert one.formula
        assert one.convention in (OURS, PUBLISHED)
    published = [one.quantity for one in DEFINITIONS.values() if one.convention == PUBLISHED]
    assert published == ["std_published"]


def test_a_value_takes_its_words_from_its_definition() -> None:
    value = reported("std_published", 0.03, source="pairs", subject="2/22", n=65)
    known = DEFINITIONS["std_published"]
    assert value.key == "std_published.2-22"
    assert value.symbol == "σ_pub(2/22)"
    assert (value.formula, value.unit, value.entered) == (known.formula, known.unit, known.entered)
    assert (value.convention, value.n) == (PUBLISHED, 65)
    assert np.isnan(value.uncertainty)
    with pytest.raises(KeyError):
        reported("no such quantity", 1.0, source="pairs")


def test_a_head_is_the_schemas_label_unit_and_meaning() -> None:
    column = next(one for one in TABLES["pairs"] if one.name == "slope_per_year")
    (head,) = heads("pairs", "slope_per_year")
    assert (head.label, head.unit, head.title) == ("slope", "1/yr", column.description)
    with pytest.raises(KeyError):
        heads("pairs", "no_such_column")


def test_a_scatter_has_the_error_of_its_reported_value_on_the_page_of_the_study(docs: Path) -> None:
    page = html.unescape((docs / "study.md").read_text(encoding="utf-8"))
    rows = [row for row in re.findall(r"<tr>.*?</tr>", page) if '<td class=" rp-text">all<' in row]
    assert len(rows) == len(factory.HEADLINE)
    known = {one.key: one for one in factory.published().numbers}
    for row in rows:
        (pair,) = re.findall(r'<th scope="row">(.*?)</th>', row)
        one = known[f"std_published.{pair.replace('/', '-')}"]
        assert row.count(f" ± {100 * one.uncertainty:.2f}</td>") == 3


def test_every_table_says_what_a_row_is() -> None:
    assert set(ROW_OF) == set(TABLES)


def test_every_page_has_a_template_and_a_place_of_its_own() -> None:
    kinds = page_types()
    assert kinds[0].name == "index"
    places = [(part_place(kind.tab or kind.title), kind.position) for kind in kinds]
    assert places == sorted(set(places))
    for kind in kinds:
        assert (ROOT / "templates" / f"{kind.name}.md.j2").is_file()
        assert kind.description.endswith((".", "?"))


def test_the_record_is_cited_by_its_title_authors_year_and_address_everywhere() -> None:
    citation = read_citation(ROOT / "CITATION.cff")
    (reference,) = citation.references
    zenodo = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
    for said in (
        reference,
        *zenodo["references"],
        (ROOT / "README.md").read_text(encoding="utf-8"),
    ):
        text = " ".join(said.split())
        assert STUDY.title in text
        assert STUDY.url in text
        assert str(STUDY.year) in text


def test_data_have_a_licence_of_their_own_and_a_record_its_makers() -> None:
    document = dataset_of(factory.build_info(), [factory.published(), factory.campaign()])
    assert document["license"] == "https://creativecommons.org/licenses/by/4.0/"
    record, simulated = document["hasPart"]
    assert [one["name"] for one in record["creator"]] == ["Herenz, E. C.", "Bian, F."]
    assert record["isBasedOn"]["url"] == STUDY.url
    assert record["license"] == simulated["license"] == document["license"]
    assert [one["name"] for one in simulated["creator"]] == ["Jane Doe", "Richard Roe"]


@pytest.mark.slow
@pytest.mark.usefixtures("stills_left_blank")
def test_what_is_not_known_of_a_build_is_not_shown(tmp_path: Path) -> None:
    build = factory.build_info(commit="", date="", site_url="")
    render([factory.published()], build, tmp_path / "docs")
    for name in ("index", "about", "downloads"):
        text = html.unescape((tmp_path / "docs" / f"{name}.md").read_text(encoding="utf-8"))
        for placeholder in ("unknown: not", "not stated", "No version before", "none: a", "(yet)"):
            assert placeholder not in text, (name, placeholder)
    footer = json.loads((tmp_path / "docs" / "site.json").read_text())["footer"]
    assert footer == "Version v2026.11"


@pytest.mark.slow
def test_an_exposure_ruled_out_leaves_one_value_of_the_published_scatter() -> None:
    """Fault seen in 2026: with one exposure excluded, card and table showed two values."""
    from pipeline.statistics.summaries import campaign_statistics
    from tests.statistics.factory import campaign
    from tests.statistics.test_summaries import PAIRS, tables_of

    fluxes = campaign(scatter=0.03)
    status = ["ok"] * 65
    status[7] = "excluded"
    flux = fluxes.flux.copy()
    flux[7, 1] *= 3  # the excluded exposure would move it
    flux_flags = np.full(flux.shape, "", dtype="<U4")
    flux_flags[11, 1] = "edge"  # a flag keeps a flux out of ours, not of the published convention
    fluxes = dataclasses.replace(
        fluxes,
        flux=flux,
        flux_published=flux,
        flux_flags=flux_flags,
        exposure_flags=np.where(np.array(status) == "ok", "", status),
    )
    found = campaign_statistics(fluxes, tables_of(fluxes, {}, status), PAIRS)
    table = found.tables["pairs"]
    numbers = {one.key: one for one in found.numbers}
    for one, two in PAIRS:
        row = table[(table["star_1"] == one) & (table["star_2"] == two)][0]
        assert numbers[f"std_published.{one}-{two}"].value == row["std_published"]
        assert numbers[f"std_published.{one}-{two}"].n == 64
        assert row["std_published"] < 0.08

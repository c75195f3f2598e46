"""A report with every setting off its default: no page, caption, column or file shows a default.

Whatever a template, a caption or a column description says of the settings must come from the
settings. What is looked at is prose and names, not the cells of tables: a number there may equal a
default by chance. The pages written by hand describe the defaults on purpose.
"""

import copy
import gzip
import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from pipeline.cli.publish import SiteRequest, publish
from pipeline.config import passbands
from pipeline.config.documentation import to_toml
from pipeline.config.loader import read_settings
from pipeline.config.paths import ROOT
from pipeline.config.settings import Settings
from pipeline.published import PAIRS
from pipeline.simulation import PlannedExposure
from pipeline.sources import campaigns_of, simulated
from pipeline.sources.request import Request
from pipeline.tasks.measure import SimulationPlan
from pipeline.workflow.executors import Workers
from tests.config.off_default import OFF, as_tuple
from tests.factories import study_stars

pytestmark = pytest.mark.slow

PLANNED = (
    PlannedExposure("2019-05-02", "WFM-AO-E"),
    PlannedExposure("2019-03-13", "WFM-AO-N"),
    PlannedExposure("2019-04-27", "WFM-AO-N"),  # excluded by review
    PlannedExposure("2019-05-09", "WFM-AO-E"),  # preferred as reference
    PlannedExposure("2019-12-05", "WFM-AO-N"),
)
STARS = tuple(
    star for star in study_stars() if star.star_id in (1, 2, 4, 5, 6, 8, 9, 11, 15, 16, 19, 22)
)
ADDED = 100  # to the numbers of the record: no star has its number there
BAND, AUTHOR = "Q_Test", "Nobody 2031"
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
NUMBER = re.compile(r"[-+−]?[\d.]+(?:e[-+]?\d+)?")  # a label of an axis
BY_HAND = {path.name for path in (ROOT / "site_src").glob("*.md")}
# whose settings are their own: the validation, and what changed in the software
OF_OTHER_CAMPAIGNS = {"validation.md", "changelog.md"}


def document():
    """The configuration as TOML would hold it."""
    found = copy.deepcopy(OFF)
    found["photometry"]["bands"] = [BAND]
    found["statistics"]["band"] = BAND
    found["statistics"]["pairs"] = [[104, 122], [102, 106]]
    return found


def write_configuration(folder):
    lines = []
    for section, values in document().items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {to_toml(as_tuple(value))}" for key, value in values.items()]
    path = folder / "report.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    known = Table(
        {
            "id": [star.star_id + ADDED for star in STARS],
            "x": [star.x for star in STARS],
            "y": [star.y for star in STARS],
        }
    )
    known.write(folder / "known.ecsv", format="ascii.ecsv")
    return path


def write_passband(folder):
    """A passband that nobody has published, in the red as all modes have it."""
    folder.mkdir()
    for path in passbands.FOLDER.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    table = Table({"wave_aa": [7100.0, 7600.0, 8600.0, 9000.0], "weight": [0.0, 1.0, 1.0, 0.0]})
    table.meta = {"author": AUTHOR, "reference": f"{AUTHOR}, not published"}
    table.write(folder / f"{BAND}.ecsv", format="ascii.ecsv")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Settings and folder of the pages of a campaign with every setting off its default."""
    folder = tmp_path_factory.mktemp("off")
    with pytest.MonkeyPatch.context() as patch:
        write_passband(folder / "passbands")
        patch.setattr(passbands, "FOLDER", folder / "passbands")
        plan = SimulationPlan(PLANNED, STARS, 1)
        patch.setattr(simulated, "simulation_plan", lambda: plan)
        config = write_configuration(folder)
        settings = read_settings(config)
        request = Request(
            settings, folder, ("simulated",), None, None, folder / "work", Workers(1), ()
        )
        campaigns = campaigns_of(request)
        campaigns[0].measure()
        publish(campaigns, request, SiteRequest(folder / "site", pages_only=True))
        yield settings, folder / "work" / "docs", campaigns[0]


def test_every_setting_is_off_its_default_and_the_campaign_works(built):
    settings, _, campaign = built
    given = document()
    for section in Settings().sections():
        for key, value in given[section.section].items():
            assert getattr(getattr(settings, section.section), key) == as_tuple(value)
            assert getattr(section, key) != as_tuple(value), (section.section, key)
    exposures = campaign.summary.tables["exposures"]
    status = dict(zip(exposures["exposure_id"], exposures["status"], strict=True))
    assert sorted(status.values()) == ["excluded", "ok", "ok", "ok", "ok"]
    assert "2019-05-1" in campaign.summary.reference_exposure  # the night of 9 May, after midnight


def test_the_numbers_are_those_of_the_chosen_band_radius_pairs_and_stars(built):
    settings, docs, campaign = built
    keys = {number.key for number in campaign.summary.numbers}
    assert {key for key in keys if key.startswith("std_robust.")} == {
        "std_robust.104-122",
        "std_robust.102-106",
    }
    photometry = campaign.summary.tables["photometry"]
    assert set(photometry["band"]) == {BAND}
    assert set(np.unique(photometry["radius_px"].value)) == set(settings.extraction.radii_px)
    assert any(AUTHOR in text for _, text in texts(docs))


# What a default looks like where it is written out; statistics.band is one of photometry.bands.
PX, AA = r"\s*(?:px|pix|pixels?)\b", r"\s*(?:Å|A|Angstroms?|angstroms?)\b"
ALONE = r"(?<![\d.,])"  # a number begins here
SHOWN = {
    "campaign.name": r"ltt3218",
    "campaign.title": r"LTT 3218 with MUSE",
    "field.name": r"LTT\s?3218",
    "field.ra_deg": r"130\.3854|8h41m",
    "field.dec_deg": r"32\.9428",
    "field.radius_arcmin": rf"{ALONE}3(?:\.0)?\s*(?:arcmin|′)",
    "field.modes": r"WFM-NOAO|\bfour (?:instrument |wide-field )?modes\b",
    "field.pixel_scale_arcsec": rf"{ALONE}0\.2\s*(?:arcsec|″)",
    "field.star_registry": r"reference_positions",
    "detection.band_width_aa": rf"{ALONE}50{AA}",
    "detection.n_bands": rf"\bthree (?:50{AA} )?bands\b",
    "detection.threshold_sigma": rf"{ALONE}6\s*(?:σ|sigma)\b",
    "detection.fwhm_px": rf"{ALONE}5{PX}",
    "reference.prefer": r"2019-03-10 WFM-AO-N",
    "matching.tolerance_px": rf"{ALONE}1(?:\.0)?{PX}",
    "matching.max_false_alarm": r"1e-0?6\b|10⁻⁶|10<sup>[-−]6</sup>",
    "extraction.radii_px": rf"{ALONE}[1235]\.5{PX}|r\s*=\s*[1235]\.5\b|\br[1235]\.5\b"
    r"|\bfive (?:apertures|radii)\b",
    "extraction.method": r"\b[Mm]ethod:?\s+exact\b",
    "photometry.bands": r"\bI_Bessel\b|\bBessell?\b|\bI[- ]band\b",
    "photometry.min_coverage": rf"{ALONE}0\.98\b|{ALONE}98\s?%",
    "statistics.radius_px": rf"{ALONE}4\.5{PX}|r\s*=\s*4\.5\b|\br4\.5\b",
    "statistics.pairs": "|".join(rf"\b{a}\s?[/-]\s?{b}\b" for a, b in PAIRS)
    + r"|\bfour (?:headline )?pairs\b",
    "statistics.max_contamination": rf"contaminat\w*[^|]{{0,80}}{ALONE}(?:0\.02\b|2\s?%)",
    "statistics.edge_margin_px": rf"{ALONE}2\.5{PX}",
    "statistics.blend_distance_px": rf"{ALONE}6{PX}",
    "statistics.standard_distance_px": rf"{ALONE}30{PX}",
    "simulation.seed": rf"{ALONE}3218\b",
    "simulation.wave_step_aa": rf"{ALONE}25{AA}",
    "simulation.drift_std": rf"{ALONE}0\.025\b|{ALONE}2\.5\s?%",
    "simulation.drift_timescale_days": rf"{ALONE}60\s*(?:d|days)\b",
    "simulation.offset_arcsec": rf"{ALONE}0\.6\s*(?:arcsec|″)",
    "number of stars": rf"{ALONE}25 stars\b|\btwenty-five stars\b",
}
COUNTED = {  # whole numbers, true or false, and free text: no page can show them as such
    "cubes.mode",
    "cubes.table",
    "cubes.stat",
    "cubes.allow_combined",
    "detection.mask",
    "reference.candidates",
    "extraction.sky_annulus_px",
    "photometry.stat_factor",
    "review.exclude",
    "simulation.sky_share",
    "simulation.night_std",
    "simulation.exposure_std",
    "simulation.slice_edge_std",
    "simulation.residual_std",
    "simulation.psf_gradient",
    "simulation.variable_star",
    "simulation.variable_std",
    "simulation.position_angles_deg",
    "simulation.dither_arcsec",
    "simulation.preset",
    "simulation.keep_cubes",
}


def test_every_setting_of_the_campaign_has_a_spelling_that_is_looked_for(built):
    _, _, campaign = built
    names = {
        f"{section}.{key}" for section, keys in campaign.used_settings().items() for key in keys
    }
    assert names == (set(SHOWN) | COUNTED | {"statistics.band"}) - {"number of stars"}


@pytest.mark.parametrize("name", SHOWN)
def test_nothing_that_a_reader_sees_shows_a_default(built, name):
    _, docs, _ = built
    pattern = re.compile(SHOWN[name])
    found = [
        f"{where}: ...{text[max(0, match.start() - 50) : match.end() + 30]}..."
        for where, text in texts(docs)
        for match in pattern.finditer(text)
    ]
    assert not found, "\n".join([f"{len(found)} times", *found[:40]])


def test_pages_figures_columns_and_definitions_are_looked_at(built):
    _, docs, _ = built
    seen = dict(texts(docs))
    kinds = (".md", ".ecsv", ".vot.gz", ".js", ".json")
    for suffix in kinds:
        assert sum(len(text) for name, text in seen.items() if name.endswith(suffix)) > 1000, suffix
    assert any(BAND in text for text in seen.values())


def test_no_file_name_shows_a_default(built):
    _, docs, _ = built
    names = [path.relative_to(docs).as_posix() for path in docs.rglob("*") if path.is_file()]
    whole = re.compile("|".join(SHOWN[key] for key in ("campaign.name", "photometry.bands")))
    assert not [name for name in names if whole.search(name)]


def texts(docs):
    """Name and words of everything that a reader sees: pages, figures, columns, definitions."""
    for path in sorted(docs.rglob("*")):
        name = path.relative_to(docs).as_posix()
        in_figure = path.parent.name == "figures"
        if (
            not path.is_file()
            or path.name in BY_HAND | OF_OTHER_CAMPAIGNS
            or ("assets" in path.parts and not in_figure)
        ):
            continue
        if path.suffix == ".md":
            yield name, prose(path.read_text(encoding="utf-8"))
        elif ".ecsv" in path.suffixes:
            yield name, ecsv_header(path)
        elif path.name.endswith(".vot.gz"):
            yield name, gzip.decompress(path.read_bytes()).decode("utf-8").partition("<DATA>")[0]
        elif path.suffix == ".js":
            yield name, " | ".join(strings(path.read_text(encoding="utf-8")))
        elif path.suffix == ".json":
            yield name, " | ".join(words(json.loads(path.read_text(encoding="utf-8"))))


def prose(page):
    """A page without tags, scripts and the cells of tables."""
    page = re.sub(r"<(script|svg|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    page = re.sub(r"<td\b.*?</td>", " ", page, flags=re.DOTALL)
    labels = " ".join(re.findall(r'(?:aria-label|title|alt)="([^"]*)"', page))
    return " ".join(html.unescape(f"{re.sub(r'<[^>]+>', ' ', page)} {labels}").split())


def ecsv_header(path: Path) -> str:
    """Descriptions and names of the columns of a table."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    lines = text.splitlines()
    n = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    return " ".join(" ".join(lines[: n + 1]).replace("#", " ").split())


def strings(script: str):
    """The strings of a figure's script, without numbers."""
    return (text for text in STRING.findall(script) if not NUMBER.fullmatch(text))


def words(value):
    """Every text in a JSON value but long lists of data, and every key."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            if key not in ("settings", "libraries"):
                yield from words(item)
    elif isinstance(value, list) and not (len(value) > 40 and not isinstance(value[0], dict)):
        for item in value:
            yield from words(item)

"""How a version names itself: CITATION.cff, codemeta.json, JSON-LD, BibTeX, also with hostile text."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import build_report
from pipeline.errors import ConfigError
from pipeline.report import render
from pipeline.report.build import ROOT, collect
from pipeline.report.citation import bibtex, checked_doi, read_citation, sentence
from pipeline.report.downloads.dataset import LONGEST, SHORTEST, dataset_of, script_safe
from pipeline.report.downloads.version_files import cff_of, codemeta_of
from tests.report import factory

DOI = "10.5281/zenodo.1234567"
ROOT_URL = "https://example.org/report"
URL = f"{ROOT_URL}/v2026.11/"
HOSTILE = f"{factory.HOSTILE_TITLE} \u2028"


def real_build(**changes: Any) -> Any:
    citation = replace(read_citation(ROOT / "CITATION.cff"), doi=DOI)
    return factory.build_info(**({"citation": citation, "site_url": URL} | changes))


def test_the_versions_cff_is_the_repositorys_with_what_is_its_own() -> None:
    repository = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    cff = cff_of(real_build())
    of_version = {
        "version": "v2026.11",
        "date-released": "2026-11-23",
        "commit": factory.build_info().commit,
        "doi": DOI,
        "url": URL,
    }
    assert {key: cff[key] for key in of_version} == of_version
    for key in set(repository) - set(of_version):
        assert cff[key] == repository[key], key


def test_what_is_not_known_of_a_version_is_left_out_and_not_taken_from_another() -> None:
    cff = cff_of(
        real_build(date="", commit="", site_url="", citation=read_citation(ROOT / "CITATION.cff"))
    )
    assert not {"date-released", "commit", "doi", "url"} & set(cff)
    codemeta = codemeta_of(factory.build_info(date="", commit=""))
    assert not {"datePublished", "identifier", "@id", "url"} & set(codemeta)


def test_all_forms_of_a_citation_agree(docs: Path) -> None:
    build = real_build()
    cff, codemeta, dataset = cff_of(build), codemeta_of(build), dataset_of(build, [])
    assert cff["version"] == codemeta["version"] == dataset["version"] == "v2026.11"
    assert cff["date-released"] == codemeta["datePublished"] == dataset["datePublished"]
    assert codemeta["@id"] == dataset["@id"] == f"https://doi.org/{DOI}"
    assert codemeta["identifier"] == dataset["identifier"]
    assert {one["value"] for one in dataset["identifier"]} == {DOI, f"swh:1:rev:{cff['commit']}"}
    words = sentence(build.citation, build.version_label, build.date, build.site_url)
    assert words.endswith(f"https://doi.org/{DOI}")
    assert f"doi     = {{{DOI}}}" in bibtex(build.citation, "v2026.11", build.date, URL)
    written = yaml.safe_load((docs / "CITATION.cff").read_text(encoding="utf-8"))
    assert written == cff_of(factory.build_info())
    assert json.loads((docs / "codemeta.json").read_text("utf-8")) == codemeta_of(
        factory.build_info()
    )


def test_the_dataset_has_what_search_engines_require() -> None:
    dataset = dataset_of(real_build(), [factory.published(), factory.campaign()])
    assert dataset["@context"] == "https://schema.org/"
    for one in (dataset, *dataset["hasPart"]):
        assert one["@type"] == "Dataset"
        assert one["name"]
        assert SHORTEST <= len(one["description"]) <= LONGEST
        assert one["license"] == "https://creativecommons.org/licenses/by/4.0/"
        assert one["creator"]
    assert dataset["temporalCoverage"] == "2019-01-09/2019-12-26", (
        "the simulated nights do not count"
    )
    observed, simulated = dataset["hasPart"]
    assert "simulated, not observed" in simulated["name"]
    assert "temporalCoverage" not in simulated
    assert "simulated" not in observed["name"] + observed["description"]


def test_a_simulated_report_covers_no_time() -> None:
    assert "temporalCoverage" not in dataset_of(real_build(), [factory.campaign()])


def test_every_file_is_in_the_dataset_of_the_downloads_page(docs: Path) -> None:
    head = json.loads((docs / "site.json").read_text(encoding="utf-8"))
    dataset = json.loads(head["dataset_files"])
    listed = {one["contentUrl"] for one in dataset["distribution"]}
    there = {
        path.relative_to(docs).as_posix() for path in (docs / "data").rglob("*") if path.is_file()
    }
    assert listed == there | {"CITATION.cff", "codemeta.json"}
    for one in dataset["distribution"]:
        assert (docs / one["contentUrl"]).stat().st_size == int(one["contentSize"].split()[0])
    assert "distribution" not in json.loads(head["dataset"])


def test_json_in_a_script_cannot_be_left() -> None:
    document = {HOSTILE: [HOSTILE, {"x": HOSTILE}]}
    text = script_safe(document)
    assert json.loads(text) == document
    assert not re.search(r"[<>&'\u2028\u2029]", text)
    assert text.isascii()


@pytest.mark.slow
@pytest.mark.usefixtures("stills_left_blank")
def test_hostile_citations_stay_text_in_every_form(tmp_path: Path) -> None:
    build = factory.hostile_build()
    render([factory.campaign(hostile=True)], build, tmp_path / "docs")
    docs = tmp_path / "docs"
    head = json.loads((docs / "site.json").read_text(encoding="utf-8"))
    for name in ("dataset", "dataset_files"):
        assert "<" not in head[name]
        assert json.loads(head[name])["creator"][1]["name"] == factory.HOSTILE_TITLE
    assert factory.HOSTILE.split("\n")[0] in json.loads(head["dataset"])["hasPart"][0]["name"]
    assert json.loads((docs / "codemeta.json").read_text("utf-8"))["name"] == factory.HOSTILE_TITLE
    assert (
        yaml.safe_load((docs / "CITATION.cff").read_text("utf-8"))["title"] == factory.HOSTILE_TITLE
    )
    entry = head["cite"]["bibtex"]
    assert entry.count("{") == entry.count("}"), "or BibTeX reads on into the next entry"
    depth = 0
    for char in entry:
        depth += (char == "{") - (char == "}")
        assert depth >= 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [("", ""), (DOI, DOI), (f"https://doi.org/{DOI}", DOI), (f"doi:{DOI}", DOI), (f" {DOI} ", DOI)],
)
def test_a_doi_is_kept_without_its_address(given: str, kept: str) -> None:
    assert checked_doi(given) == kept


@pytest.mark.parametrize(
    "given", ["x", "10.1/2", "https://zenodo.org/1", f'{DOI}"><script>', "10.5281/a b"]
)
def test_what_is_no_doi_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="not a DOI"):
        checked_doi(given)


@pytest.mark.parametrize("option", [["--doi", "nonsense"], ["--site-url", "nonsense"]])
def test_a_wrong_option_ends_the_build_before_its_work(
    option: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build_report.main([*option, "--work", str(tmp_path / "work")]) == 2
    assert "nonsense" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


def test_the_doi_of_the_build_is_the_versions() -> None:
    build = collect(
        ["x"], version_label="v2026.11", doi=f"https://doi.org/{DOI}", root_url=ROOT_URL
    )
    assert (build.citation.doi, build.site_url) == (DOI, URL)

"""From a reserved DOI to a complete draft, over real HTTP."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.report.build import ROOT
from pipeline.report.citation import citation_from
from tests.zenodo.conftest import LABEL, Desk
from tests.zenodo.server import PATH, Service


def only_draft(service: Service) -> dict[str, Any]:
    (draft,) = (one for one in service.depositions.values() if not one["submitted"])
    return draft


def test_a_doi_is_reserved_and_files_follow_into_the_same_draft(
    desk: Desk, service: Service, reserved: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    doi = reserved()
    files = desk.pack(doi)
    assert desk.run("upload", *files) == 0
    draft = only_draft(service)
    assert draft["metadata"]["prereserve_doi"]["doi"] == doi
    assert draft["metadata"]["version"] == LABEL
    assert draft["metadata"]["publication_date"] == "2026-11-23"
    assert "ab" * 20 in draft["metadata"]["notes"]
    for file in map(Path, files):
        assert service.contents[draft["id"], file.name] == file.read_bytes()
    assert not service.sent("POST", "publish"), "a draft is left to a human"
    assert f"{service.url}/deposit/{draft['id']}" in capsys.readouterr().err


def test_it_is_published_only_if_that_is_said(desk: Desk, service: Service, reserved: Any) -> None:
    files = desk.pack(reserved())
    assert desk.run("upload", *files, "--publish") == 0
    assert [one["submitted"] for one in service.depositions.values()] == [True]
    assert desk.run("upload", *files, "--publish") == 2, "and not twice"
    assert len(service.sent("POST", "publish")) == 1


def test_reserving_again_gives_the_same_doi(desk: Desk, service: Service, reserved: Any) -> None:
    first = reserved()
    assert reserved() == first
    (desk.folder / "work" / f"zenodo-{LABEL}.json").unlink()
    assert reserved() == first, "found by title and version when the state file is lost"
    assert len(service.sent("POST")) == 1


def test_the_state_file_holds_number_and_doi_and_nothing_else(desk: Desk, reserved: Any) -> None:
    doi = reserved()
    state = json.loads((desk.folder / "work" / f"zenodo-{LABEL}.json").read_text())
    assert set(state) == {"server", "version", "id", "doi"}
    assert state["doi"] == doi


def test_two_drafts_of_one_version_are_a_question_to_a_human(
    desk: Desk, service: Service, reserved: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    reserved()
    one = only_draft(service)
    service.depositions[5] = type(one)({**one, "id": 5})
    (desk.folder / "work" / f"zenodo-{LABEL}.json").unlink()
    assert desk.run("reserve", "--version-label", LABEL) == 2
    said = capsys.readouterr().err
    assert str(one["id"]) in said
    assert "delete all but one" in said


def test_a_new_version_of_a_concept_replaces_our_old_files_and_keeps_others(
    desk: Desk, service: Service, reserved: Any
) -> None:
    service.published("v2026.9")
    newest = service.published("v2026.10")
    service._store(newest, "letter.pdf", b"by hand")
    doi = reserved("--concept", "900")
    assert service.sent("POST", "newversion")[0].path == f"{PATH}/{newest['id']}/actions/newversion"
    files = desk.pack(doi)
    assert desk.run("upload", *files) == 0
    draft = only_draft(service)
    assert draft["conceptrecid"] == "900"
    names = {file["filename"] for file in draft["files"]}
    assert names == {Path(file).name for file in files} | {"letter.pdf"}


def test_a_concept_of_another_owner_is_refused(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.run("reserve", "--concept", "77") == 2
    assert "--concept 77" in capsys.readouterr().err


def test_an_archive_without_the_reserved_doi_is_refused_with_the_remedy(
    desk: Desk, service: Service, reserved: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    doi = reserved()
    assert desk.run("upload", *desk.pack("")) == 2
    said = capsys.readouterr().err
    assert "names no DOI" in said
    assert f"--doi {doi}" in said
    assert desk.run("upload", *desk.pack("10.5072/zenodo.1")) == 2
    assert not service.sent("PUT")


def test_without_a_draft_the_first_step_is_named(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.run("upload", *desk.pack("10.5072/zenodo.1")) == 2
    assert "pipeline.zenodo reserve" in capsys.readouterr().err


def test_files_that_are_there_are_not_sent_again(
    desk: Desk, service: Service, reserved: Any
) -> None:
    files = desk.pack(reserved())
    assert desk.run("upload", *files) == 0
    before = len(service.sent("PUT", "/api/files/"))
    assert desk.run("upload", *files) == 0
    assert len(service.sent("PUT", "/api/files/")) == before == 2


@pytest.mark.parametrize("what", ["missing.tgz", "empty.tgz", "text.tgz", "text.txt"])
def test_files_that_are_no_archive_are_named(
    desk: Desk, service: Service, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (desk.folder / "empty.tgz").write_bytes(b"")
    (desk.folder / "text.tgz").write_text("no archive")
    (desk.folder / "text.txt").write_text("no archive")
    assert desk.run("upload", str(desk.folder / what)) == 2
    assert "archive" in capsys.readouterr().err
    assert not service.requests


def test_archives_of_two_versions_are_refused(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [*desk.pack("10.5072/zenodo.1"), *desk.pack("10.5072/zenodo.1", "v2026.12")]
    assert desk.run("upload", *files) == 2
    assert "different versions" in capsys.readouterr().err


def test_a_dry_run_prints_exactly_what_is_sent_and_sends_nothing(
    desk: Desk, service: Service, reserved: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    files = desk.pack(reserved())
    before = len(service.requests)
    assert desk.run("upload", *files, "--publish", "--dry-run") == 0
    printed = capsys.readouterr().out
    assert len(service.requests) == before
    assert desk.run("upload", *files, "--publish") == 0
    sent = service.requests[before:]
    lines = [
        line for line in printed.splitlines() if line.startswith(("GET", "PUT", "POST", "DEL"))
    ]
    bucket = only(service)["links"]["bucket"].removeprefix(service.url)
    expected = [
        f"{one.method} {service.url}{one.path}".replace(bucket, "/api/files/BUCKET") for one in sent
    ]
    assert lines == expected
    (described,) = (one.json for one in sent if one.method == "PUT" and PATH in one.path)
    body = printed[printed.index("{") : printed.index("\n}\n") + 3]
    assert json.loads(body) == described
    for file in map(Path, files):
        content = file.read_bytes()
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        assert f"{file}: {len(content)} bytes, md5 {md5}" in printed


def only(service: Service) -> dict[str, Any]:
    (one,) = service.depositions.values()
    return one


def test_a_dry_run_needs_no_token_and_leaves_no_state(
    desk: Desk,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("ZENODO_TOKEN")
    assert desk.run("reserve", "--dry-run", "--concept", "900") == 0
    assert "actions/newversion" in capsys.readouterr().out
    assert not service.requests
    assert not (desk.folder / "work").exists()


def test_zenodo_json_says_what_citation_cff_says() -> None:
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    zenodo = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
    citation = citation_from(cff)
    assert zenodo["title"] == cff["title"]
    assert zenodo["description"] == f"<p>{cff['abstract']}</p>"
    assert zenodo["keywords"] == cff["keywords"]
    assert cff["license"] == "BSD-3-Clause"  # of the program
    assert zenodo["license"] == "cc-by-4.0"  # of what is deposited: pages, figures, tables
    assert zenodo["creators"] == [
        {"name": f"{one.family}, {one.given}" if one.given else one.family}
        for one in citation.authors
    ]
    assert zenodo["references"] == list(citation.references)
    assert "version" not in zenodo, "the deposit takes it from the archive"

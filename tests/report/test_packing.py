"""The archive of a version: the same bytes from the same site, whole, and never part of a site."""

import os
import tarfile
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.errors import SiteError, WorkspaceError
from pipeline.report.downloads.packing import archive_name, pack

CFF = "cff-version: 1.2.0\nversion: v2026.11\ndate-released: '2026-11-23'\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    for name in ("index.html", "data/one/a.fits", "assets/x.js", "codemeta.json"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(f"content of {name}")
    (site / "CITATION.cff").write_text(CFF)
    return site


def test_the_archive_holds_every_file_of_the_site_in_one_folder(site: Path, tmp_path: Path) -> None:
    whole, data = pack(site, tmp_path / "dist")
    assert whole.name == "muse-differential-photometry-v2026.11.tgz"
    for archive, kept in (
        (whole, {p.relative_to(site).as_posix() for p in site.rglob("*") if p.is_file()}),
        (data, {"data/one/a.fits", "CITATION.cff", "codemeta.json"}),
    ):
        out = tmp_path / "out"
        with tarfile.open(archive) as tar:
            tar.extractall(out, filter="data")
        top = out / archive.stem
        found = {path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file()}
        assert found == kept
        for name in kept:
            assert (top / name).read_bytes() == (site / name).read_bytes()


def test_the_bytes_depend_on_the_site_alone(site: Path, tmp_path: Path) -> None:
    first = [path.read_bytes() for path in pack(site, tmp_path / "one")]
    for path in site.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    assert [path.read_bytes() for path in pack(site, tmp_path / "two")] == first


def test_entries_carry_the_versions_date_and_nobodys_name(site: Path, tmp_path: Path) -> None:
    whole, _ = pack(site, tmp_path / "dist")
    with tarfile.open(whole) as tar:
        entries = tar.getmembers()
    assert {entry.mtime for entry in entries} == {1795392000}
    assert {(entry.uid, entry.uname, entry.mode) for entry in entries} == {(0, "", 0o644)}
    assert [entry.name for entry in entries] == sorted(entry.name for entry in entries)


def test_an_archive_within_its_site_is_refused(site: Path) -> None:
    with pytest.raises(SiteError, match="its own archive"):
        pack(site, site / "dist")


def test_without_a_site_the_remedy_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pack", "--site", str(tmp_path / "none"), "--output", str(tmp_path)]) == 2
    assert "make report" in capsys.readouterr().err


def test_a_site_that_names_no_version_is_refused(site: Path, tmp_path: Path) -> None:
    (site / "CITATION.cff").write_text("cff-version: 1.2.0\n")
    with pytest.raises(SiteError, match="names no version"):
        pack(site, tmp_path / "dist")


def test_a_folder_that_cannot_be_written_is_an_expected_failure(site: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        pack(site, tmp_path / "file" / "dist")


def test_a_version_label_cannot_lead_out_of_the_folder() -> None:
    assert "/" not in archive_name("../../etc/passwd")

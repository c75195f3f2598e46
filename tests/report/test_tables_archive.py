"""One archive of the tables: made by the build, the same from the same tables, with checksums."""

import hashlib
import tarfile
from pathlib import Path

import pytest

from pipeline.report.downloads import tables_archive
from pipeline.report.downloads.download import Download, write_file
from pipeline.report.downloads.tables_archive import write_tables_archive
from pipeline.report.site.changelog import write_changelog
from tests.report import factory

NAME = "muse-differential-photometry-v2026.11-tables"
Tables = dict[tuple[str, str], tuple[Download, ...]]


def written(root: Path) -> Tables:
    """Two campaigns: ratios follow from photometry in one of them."""

    def table(campaign: str, name: str, n: int = 10) -> tuple[Download, ...]:
        base = f"data/{campaign}/{name}"
        content = f"{campaign} {name} ".encode() * n
        return (
            write_file(root, f"{base}.ecsv", content, "ECSV", ""),
            write_file(root, f"{base}.fits.gz", content, "FITS", ""),
        )

    names = {
        "record": ("timelines", "exposures"),
        "sim": ("timelines", "photometry", "truth_fluxes"),
    }
    found = {(one, name): table(one, name) for one, many in names.items() for name in many}
    found["", "report"] = (write_file(root, "data/report.json", b"{}", "JSON", ""),)
    found["", "version"] = (write_file(root, "CITATION.cff", b"title: x", "CFF", ""),)
    return found


def packed(root: Path) -> Download:
    return write_tables_archive(root, written(root), factory.build_info())


def test_it_holds_the_tables_as_text_and_what_identifies_them(tmp_path: Path) -> None:
    archive = packed(tmp_path)
    assert archive.path == f"data/{NAME}.tar.xz"
    with tarfile.open(tmp_path / archive.path) as tar:
        names = [one.removeprefix(f"{NAME}/") for one in tar.getnames()]
    assert names == [
        *("CITATION.cff", "SHA256SUMS", "data/record/exposures.ecsv", "data/record/timelines.ecsv"),
        *("data/report.json", "data/sim/photometry.ecsv"),
    ]
    assert archive.left_out == "timelines.ecsv, truth_fluxes.ecsv"


def test_its_checksums_are_those_of_its_files(tmp_path: Path) -> None:
    archive = packed(tmp_path)
    assert archive.sha256 == hashlib.sha256((tmp_path / archive.path).read_bytes()).hexdigest()
    with tarfile.open(tmp_path / archive.path) as tar:
        read = {one.name: tar.extractfile(one).read() for one in tar.getmembers()}  # type: ignore[union-attr]
    lines = read.pop(f"{NAME}/SHA256SUMS").decode().splitlines()
    sums = {f"{NAME}/{line.split()[1]}": line.split()[0] for line in lines}
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in read.items()}


def test_two_builds_give_the_same_bytes(tmp_path: Path) -> None:
    assert packed(tmp_path / "one").sha256 == packed(tmp_path / "two").sha256


def test_what_is_too_large_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables_archive, "MOST_BYTES", 300)
    left_out = packed(tmp_path).left_out.split(", ")
    assert left_out == ["exposures.ecsv", "timelines.ecsv", "timelines.ecsv", "truth_fluxes.ecsv"]


def test_a_built_site_links_to_it_and_lists_its_checksum(docs: Path) -> None:
    page = (docs / "downloads.md").read_text(encoding="utf-8")
    assert f'href="data/{NAME}.tar.xz" download' in page
    digest = hashlib.sha256((docs / "data" / f"{NAME}.tar.xz").read_bytes()).hexdigest()
    assert digest in page
    assert f"{digest}  {NAME}.tar.xz\n" in (docs / "data" / "SHA256SUMS").read_text()


def test_the_change_log_is_a_page(docs: Path) -> None:
    page = (docs / "changelog.md").read_text(encoding="utf-8")
    assert "\n# Change log\n" in page
    assert "## 2026.11" in page
    assert "- number" not in page.split("## 2026.11")[1], "none of this campaign has changed"
    assert 'href="changelog.html"' in (docs / "about.md").read_text(encoding="utf-8")
    assert 'href="changelog.html"' in (docs / "downloads.md").read_text(encoding="utf-8")


def test_the_change_log_holds_the_numbers_of_the_campaigns_that_are_shown(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n- A change.\n- number mine/std.*: 1 -> 2: why\n"
        "- number other/std.2-3: 3 -> 4: a reason\n  of two lines\n- The last.\n"
    )
    assert write_changelog(tmp_path, tmp_path, {"mine"})
    page = (tmp_path / "changelog.md").read_text(encoding="utf-8")
    body = page.partition("# Change log\n\n")[2]
    assert body == "- A change.\n- number `mine/std.*`: 1 -> 2: why\n- The last.\n"
    assert not write_changelog(tmp_path, tmp_path / "nowhere", {"mine"})

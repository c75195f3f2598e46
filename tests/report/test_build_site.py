"""From Markdown to the site: all or nothing, and the same twice."""

from pathlib import Path

import pytest

from pipeline.errors import SiteError
from pipeline.report import build_site
from pipeline.report.build import ROOT
from pipeline.report.vendor import vendor
from tests.report.test_pages import digest

pytestmark = pytest.mark.slow

EPOCH = 1795392000


@pytest.fixture(scope="module")
def site(docs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(docs, tmp_path_factory.mktemp("site") / "site", epoch=EPOCH)


def test_two_builds_are_equal_byte_by_byte(docs: Path, site: Path, tmp_path: Path) -> None:
    assert digest(build_site(docs, tmp_path / "site", epoch=EPOCH)) == digest(site)


def test_the_site_names_no_other_host_and_no_path_of_this_machine(site: Path) -> None:
    for file in sorted(site.rglob("*")):
        if file.suffix in (".html", ".js", ".css", ".json", ".svg") and "vendor" not in file.parts:
            text = file.read_text(encoding="utf-8")
            assert str(ROOT) not in text, file
            if "javascripts" in file.parts:
                continue  # the theme's: it can load diagrams from elsewhere; no page has any
            assert "unpkg.com" not in text, file
            assert "fonts.googleapis" not in text, file


def test_the_site_leaves_out_what_no_reader_loads(site: Path) -> None:
    assert not list(site.rglob("*.map"))
    assert not (site / "assets" / "javascripts" / "lunr").exists()
    assert not (site / "site.json").exists()
    assert not list(site.rglob("*.py"))


def test_a_broken_link_fails_the_build_and_leaves_the_old_site(
    docs: Path, site: Path, tmp_path: Path
) -> None:
    import shutil

    broken = tmp_path / "docs"
    shutil.copytree(docs, broken)
    page = broken / "pairs.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n[x](nowhere.md)\n", encoding="utf-8")
    old = tmp_path / "site"
    shutil.copytree(site, old)
    (old / "index.html").write_text("old")
    with pytest.raises(SiteError, match=r"nowhere\.md"):
        build_site(broken, old, epoch=EPOCH)
    assert (old / "index.html").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["docs", "site"]
    assert (site / "index.html").is_file()


def test_a_site_that_cannot_be_written_is_an_expected_failure(docs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SiteError, match="cannot be written"):
        build_site(docs, tmp_path / "file" / "site", epoch=EPOCH)


def test_without_npm_the_bundle_comes_from_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    said = vendor(tmp_path, tmp_path / "vendor")
    assert "npm is not installed" in said
    assert (tmp_path / "vendor" / "plotly.min.js").stat().st_size > 1_000_000


def npm_that_says(folder: Path, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = folder / "npm"
    npm.write_text(f"#!/bin/sh\necho '{message}' >&2\nexit 1\n")
    npm.chmod(0o755)
    (folder / "package-lock.json").write_text("{}")
    monkeypatch.setenv("PATH", f"{folder}:/bin")


def test_a_registry_out_of_reach_is_named_and_the_wheel_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm_that_says(tmp_path, "npm error ENOTFOUND", monkeypatch)
    assert "status 1: npm error ENOTFOUND" in vendor(tmp_path, tmp_path / "vendor")
    assert (tmp_path / "vendor" / "plotly.min.js").is_file()


def test_a_bundle_of_another_content_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm_that_says(tmp_path, "npm error EINTEGRITY sha512", monkeypatch)
    with pytest.raises(SiteError, match="EINTEGRITY"):
        vendor(tmp_path, tmp_path / "vendor")


def test_the_lock_file_names_no_address() -> None:
    text = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    assert "http" not in text
    assert "integrity" in text

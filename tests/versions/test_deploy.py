"""Versions in a branch: immutable, side by side, visible at once or not at all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import BranchError, NotPublishable, VersionPublished, VersionTooLarge
from pipeline.versions.branch import Branch
from pipeline.versions.deploy import deploy, previous_report
from pipeline.versions.site import LIMIT_MB, count_exposures, limit_of
from tests.versions.sites import ROOT_URL, finished, git, repository, show, tree


@pytest.fixture
def branch(tmp_path: Path) -> Branch:
    return Branch(repository(tmp_path / "repository"))


@pytest.fixture
def two(tmp_path: Path, branch: Branch) -> tuple[Path, Path]:
    """Two versions, published one after the other."""
    first = finished(tmp_path / "first", "v2026.11")
    second = finished(tmp_path / "second", "v2026.12", text="two", previous=first)
    deploy(first, branch)
    deploy(second, branch)
    return first, second


def versions(branch: Branch) -> dict[str, list[str]]:
    entries = json.loads(show(branch.repository, "versions.json"))
    return {entry["version"]: entry["aliases"] for entry in entries}


def test_a_version_is_published_byte_by_byte_in_one_commit(tmp_path: Path, branch: Branch) -> None:
    site = finished(tmp_path / "site")
    said = deploy(site, branch)
    assert f"{ROOT_URL}v2026.11/" in said
    assert git(branch.repository, "rev-list", "--count", "gh-pages") == "1\n"
    for file in sorted(path for path in site.rglob("*") if path.is_file()):
        path = f"v2026.11/{file.relative_to(site).as_posix()}"
        assert show(branch.repository, path) == file.read_text()
    assert versions(branch) == {"v2026.11": ["latest", "stable"]}


def test_the_next_version_leaves_the_first_as_it_was(tmp_path: Path, branch: Branch) -> None:
    first = finished(tmp_path / "first", "v2026.11")
    deploy(first, branch)
    before = {path: one for path, one in tree(branch.repository).items() if "v2026.11/" in path}
    deploy(finished(tmp_path / "second", "v2026.12", text="two", previous=first), branch)
    after = tree(branch.repository)
    assert {path: one for path, one in after.items() if "v2026.11/" in path} == before
    assert versions(branch) == {"v2026.12": ["latest", "stable"], "v2026.11": []}
    assert list(versions(branch)) == ["v2026.12", "v2026.11"], "newest first"


@pytest.mark.usefixtures("two")
def test_aliases_are_redirects_for_every_page_and_never_links(branch: Branch) -> None:
    page = show(branch.repository, "latest/timelines.html")
    assert (
        'location.replace("../v2026.12/timelines.html" + location.search + location.hash)' in page
    )
    assert f'<link rel="canonical" href="{ROOT_URL}v2026.12/timelines.html">' in page
    assert "latest/data/report.json" not in tree(branch.repository)
    assert all(one.startswith("100644 blob") for one in tree(branch.repository).values())


def test_a_page_that_the_new_version_lacks_leaves_no_stub_behind(
    tmp_path: Path, branch: Branch
) -> None:
    first = finished(tmp_path / "first", "v2026.11", pages=("index.html", "old.html"))
    deploy(first, branch)
    deploy(finished(tmp_path / "second", "v2026.12", previous=first), branch)
    assert "latest/old.html" not in tree(branch.repository)
    assert "v2026.11/old.html" in tree(branch.repository)


@pytest.mark.usefixtures("two")
def test_the_root_names_all_versions_and_cites_the_newest(branch: Branch) -> None:
    index = show(branch.repository, "sitemap.xml")
    assert index.count("<sitemap>") == 2
    assert f"<loc>{ROOT_URL}v2026.11/sitemap.xml</loc>" in index
    assert f"<loc>{ROOT_URL}v2026.12/sitemap.xml</loc>" in index
    assert show(branch.repository, "robots.txt").endswith(f"Sitemap: {ROOT_URL}sitemap.xml\n")
    assert show(branch.repository, "CITATION.cff") == "version: v2026.12\n"
    assert "v2026.12/index.html" in show(branch.repository, "index.html")
    assert ".nojekyll" in tree(branch.repository)


def test_stable_stays_where_it_is_if_asked_to_and_moves_later(
    tmp_path: Path, branch: Branch
) -> None:
    first = finished(tmp_path / "first", "v2026.11")
    second = finished(tmp_path / "second", "v2026.12", previous=first)
    deploy(first, branch, stable=False)
    assert versions(branch) == {"v2026.11": ["latest", "stable"]}, "the first is stable anyhow"
    deploy(second, branch, stable=False)
    assert versions(branch) == {"v2026.12": ["latest"], "v2026.11": ["stable"]}
    assert "../v2026.11/index.html" in show(branch.repository, "stable/index.html")
    deploy(second, branch)
    assert versions(branch) == {"v2026.12": ["latest", "stable"], "v2026.11": []}
    assert "../v2026.12/index.html" in show(branch.repository, "stable/index.html")


def test_an_older_version_can_be_added_and_takes_no_alias(
    tmp_path: Path, branch: Branch, two: tuple[Path, Path]
) -> None:
    between = finished(tmp_path / "between", "v2026.11.1", previous=two[0])
    deploy(between, branch)
    assert versions(branch) == {
        "v2026.12": ["latest", "stable"], "v2026.11.1": [], "v2026.11": []
    }  # fmt: skip
    assert show(branch.repository, "CITATION.cff") == "version: v2026.12\n"


def test_the_same_content_again_is_nothing_to_do(branch: Branch, two: tuple[Path, Path]) -> None:
    before = git(branch.repository, "rev-parse", "gh-pages")
    assert "nothing to do" in deploy(two[0], branch)
    assert "nothing to do" in deploy(two[1], branch)
    assert git(branch.repository, "rev-parse", "gh-pages") == before


@pytest.mark.usefixtures("two")
def test_other_content_is_refused_and_the_message_names_version_and_files(
    tmp_path: Path, branch: Branch
) -> None:
    before = git(branch.repository, "rev-parse", "gh-pages")
    other = finished(tmp_path / "other", "v2026.11", text="changed", pages=("index.html",))
    with pytest.raises(VersionPublished) as refusal:
        deploy(other, branch)
    said = str(refusal.value)
    assert "v2026.11 is published with other content" in said
    for name in ("data/report.json", "index.html", "timelines.html"):
        assert f"v2026.11/{name}" in said
    assert "404.html" not in said, "that file is the same"
    assert git(branch.repository, "rev-parse", "gh-pages") == before


def test_a_version_over_the_limit_is_refused_and_the_largest_file_is_named(
    tmp_path: Path, branch: Branch
) -> None:
    limit = int(LIMIT_MB * 1e6)
    fits = finished(tmp_path / "fits", padding=limit - 5000)
    assert "is in branch gh-pages" in deploy(fits, branch)
    large = finished(tmp_path / "large", "v2026.12", previous=fits, padding=limit)
    with pytest.raises(
        VersionTooLarge, match=r"large: 16\.00 MB, .*16 MB.* data/spectra\.fits"
    ) as no:
        deploy(large, branch)
    assert versions(branch) == {"v2026.11": ["latest", "stable"]}
    assert "--limit-mb 17 (LIMIT_MB=17 for make)" in str(no.value)
    assert "59 versions" in str(no.value)
    assert "is in branch gh-pages" in deploy(large, branch, limit_mb=17)


def test_a_version_of_more_exposures_may_be_larger(tmp_path: Path, branch: Branch) -> None:
    assert [limit_of(n) for n in (130, 500, 501, 1000, 10_000)] == [16, 16, 60, 60, 250]
    folder = finished(tmp_path / "many", padding=int(17e6))
    file = folder / "data" / "report.json"
    report = json.loads(file.read_text())
    numbers = [
        {"key": "n_exposures.ok", "value": 600.0},
        {"key": "n_exposures.failed", "value": 1.0},
    ]
    report["campaigns"] = [{"numbers": [*numbers, {"key": "n_nights", "value": 7000.0}]}]
    assert count_exposures(report) == 601
    file.write_text(json.dumps(report))
    assert "is in branch gh-pages" in deploy(folder, branch)


@pytest.mark.usefixtures("two")
def test_a_site_that_was_compared_with_another_version_is_refused(
    tmp_path: Path, branch: Branch
) -> None:
    unaware = finished(tmp_path / "unaware", "v2027.01")
    with pytest.raises(NotPublishable, match=r"since no version.*published before it is v2026\.12"):
        deploy(unaware, branch)
    forged = finished(tmp_path / "forged", "v2026.12", text="never published")
    after = finished(tmp_path / "after", "v2027.01", previous=forged)
    with pytest.raises(NotPublishable, match=r"previous --before v2027\.01"):
        deploy(after, branch)


def test_a_site_for_another_address_is_refused_unless_all_have_moved(
    tmp_path: Path, branch: Branch, two: tuple[Path, Path]
) -> None:
    there = finished(
        tmp_path / "there", "v2027.01", previous=two[1], root_url="https://example.net/"
    )
    with pytest.raises(NotPublishable, match=r"https://example\.org/report/.*--moved"):
        deploy(there, branch)
    deploy(there, branch, moved=True)
    assert "https://example.net/sitemap.xml" in show(branch.repository, "robots.txt")


def test_a_folder_that_is_no_site_of_a_version_is_refused_with_the_remedy(
    tmp_path: Path, branch: Branch
) -> None:
    with pytest.raises(NotPublishable, match="no such folder"):
        deploy(tmp_path / "nowhere", branch)
    with pytest.raises(NotPublishable, match="--site-url"):
        deploy(finished(tmp_path / "local", root_url=""), branch)
    with pytest.raises(NotPublishable, match=r"called 'draft'.*vYYYY\.MM"):
        deploy(finished(tmp_path / "draft", "draft"), branch)
    linked = finished(tmp_path / "linked")
    (linked / "link.html").symlink_to("index.html")
    with pytest.raises(NotPublishable, match=r"link\.html is a symbolic link"):
        deploy(linked, branch)
    astray = finished(tmp_path / "astray")
    page = astray / "timelines.html"
    page.write_text(page.read_text().replace("v2026.11", "latest"))
    with pytest.raises(NotPublishable, match=r"timelines\.html: canonical link .*latest"):
        deploy(astray, branch)
    wrong = b'{"version": "v2026.11", "site_url": "", "previous": 3}'
    for number, damage in enumerate((b"", b"[]", b"{}", wrong, b"\xff")):
        broken = finished(tmp_path / f"broken{number}")
        (broken / "data" / "report.json").write_bytes(damage)
        with pytest.raises(NotPublishable, match=r"report\.json"):
            deploy(broken, branch)
    assert tree(branch.repository) == {}


def test_a_list_of_versions_that_was_edited_by_hand_is_refused(
    tmp_path: Path, branch: Branch, two: tuple[Path, Path]
) -> None:
    branch.commit("by hand", {"versions.json": b"{}]"}, [])
    with pytest.raises(BranchError, match=r"versions\.json is not a list"):
        deploy(finished(tmp_path / "next", "v2027.01", previous=two[1]), branch)


def test_without_a_repository_or_a_committer_the_message_says_what_to_do(
    tmp_path: Path, branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = finished(tmp_path / "site")
    (tmp_path / "plain").mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with pytest.raises(BranchError, match="git init"):
        deploy(site, Branch(tmp_path / "plain"))
    git(branch.repository, "config", "--unset", "user.email")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    with pytest.raises(BranchError, match=r"user\.email"):
        deploy(site, branch)
    assert tree(branch.repository) == {}


@pytest.mark.usefixtures("two")
def test_the_version_before_is_found_in_the_branch(branch: Branch) -> None:
    label, report = previous_report(branch)
    assert (label, json.loads(report)["text"]) == ("v2026.12", "two")
    label, report = previous_report(branch, before="v2026.12")
    assert (label, json.loads(report)["text"]) == ("v2026.11", "one")
    assert previous_report(branch, before="v2026.11") == ("", b"")


def test_a_branch_that_was_fetched_is_continued_and_a_diverged_one_refused(
    tmp_path: Path, branch: Branch, two: tuple[Path, Path]
) -> None:
    clone = Branch(repository(tmp_path / "clone"))
    git(clone.repository, "remote", "add", "origin", str(branch.repository))
    git(clone.repository, "fetch", "--quiet", "origin", "gh-pages:refs/remotes/origin/gh-pages")
    clone.follow("origin")
    deploy(finished(tmp_path / "third", "v2027.01", previous=two[1]), clone)
    assert len(versions(clone)) == 3
    git(clone.repository, "push", "--quiet", "origin", "gh-pages")
    assert len(versions(branch)) == 3
    branch.commit("one", {"a": b"1"}, [])
    clone.commit("two", {"a": b"2"}, [])
    git(clone.repository, "fetch", "--quiet", "origin", "gh-pages:refs/remotes/origin/gh-pages")
    with pytest.raises(BranchError, match="diverged"):
        clone.follow("origin")


@pytest.mark.slow
def test_the_command_line_publishes_lists_and_exports(tmp_path: Path, branch: Branch) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pipeline", "versions", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    first = finished(tmp_path / "first")
    place = ("--repository", str(branch.repository))
    assert run("check", str(first)).returncode == 0
    assert run("previous", str(tmp_path / "previous.json"), *place).returncode == 0
    assert (tmp_path / "previous.json").read_bytes() == b"", "there is no version before"
    assert run("deploy", str(first), *place).returncode == 0
    assert run("list", *place).stdout == "v2026.11 latest stable\n"
    assert run("export", str(tmp_path / "out"), *place).returncode == 0
    assert (tmp_path / "out" / "latest" / "index.html").is_file()
    refused = run("deploy", str(finished(tmp_path / "other", text="other")), *place)
    assert refused.returncode == 2
    assert "v2026.11 is published with other content" in refused.stderr
    assert "Traceback" not in refused.stderr

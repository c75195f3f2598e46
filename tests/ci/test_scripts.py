"""What the steps of the workflows do, run as they run there."""

import importlib.util
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.config.paths import ROOT
from pipeline.report.downloads.report_json import report_json
from tests.report import factory
from tests.zenodo.conftest import packed
from tests.zenodo.server import TOKEN, Service

CI = ROOT / ".ci"
LABEL = "v1900.01"  # of no real version: its draft is forgotten afterwards


def module(name):
    spec = importlib.util.spec_from_file_location(name, CI / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def report(data, code="cc"):
    """What the script reads of a report.json."""
    digests = {"data": data, "code": code}
    one = {"name": "demo", "inputs_digest": data + code, "digests": digests}
    return json.dumps({"campaigns": [one]})


@pytest.fixture
def checkout(tmp_path):
    """A repository whose branch gh-pages holds one version."""
    folder = tmp_path / "checkout"
    (folder / "v2026.11" / "data").mkdir(parents=True)
    listed = [{"version": "v2026.11", "title": "v2026.11", "aliases": ["latest", "stable"]}]
    (folder / "versions.json").write_text(json.dumps(listed))
    (folder / "v2026.11" / "data" / "report.json").write_text(report("aa"))
    run = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for words in (
        ["init", "--quiet", "--initial-branch=gh-pages"],
        ["add", "."],
        ["commit", "--quiet", "--message=v2026.11"],
        ["checkout", "--quiet", "--orphan", "main"],
    ):
        subprocess.run([*run, *words], check=True)
    return folder


def ask(checkout, *words, **environment):
    done = subprocess.run(
        [sys.executable, str(CI / "published.py"), *words],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", **environment},
    )
    return done.stdout.strip()


def built(folder, data, code="cc"):
    (folder / "site" / "data").mkdir(parents=True, exist_ok=True)
    (folder / "site" / "data" / "report.json").write_text(report(data, code))
    return str(folder / "site")


def test_a_site_of_other_data_has_changed_and_one_of_the_same_has_not(checkout, tmp_path):
    assert ask(checkout, "changed", built(tmp_path, "aa")) == "false"
    assert ask(checkout, "changed", built(tmp_path, "bb")) == "true"


def test_a_version_of_other_campaigns_is_not_compared_with(checkout, tmp_path):
    site = Path(built(tmp_path, "aa"))
    report = json.loads((site / "data" / "report.json").read_text())
    report["campaigns"][0]["name"] = "another"
    (site / "data" / "report.json").write_text(json.dumps(report))
    assert ask(checkout, "changed", str(site)) == "true"


def test_other_code_on_the_same_data_makes_no_new_version(checkout, tmp_path):
    assert ask(checkout, "changed", built(tmp_path, "aa", code="dd")) == "false"


def test_the_report_that_is_written_names_its_data():
    report = json.loads(report_json([factory.campaign()], factory.build_info()))
    assert set(module("published").digests(report)) == {"demo-simulated"}


def test_the_first_site_ever_has_changed(checkout, tmp_path):
    site = built(tmp_path, "aa")
    assert ask(checkout, "--branch", "nowhere", "changed", site) == "true"


def test_the_response_is_an_output_of_the_step(checkout, tmp_path):
    output = tmp_path / "output"
    ask(checkout, "changed", built(tmp_path, "bb"), GITHUB_OUTPUT=str(output))
    version = ask(checkout, "next", GITHUB_OUTPUT=str(output))
    assert output.read_text() == f"changed=true\nversion={version}\n"


def test_the_next_version_is_the_first_free_name_of_the_month():
    november = datetime(2026, 11, 24, tzinfo=UTC)
    name = module("published").next_version
    assert name(set(), november) == "v2026.11"
    assert name({"v2026.11"}, november) == "v2026.11.1"
    assert name({"v2026.11", "v2026.11.1", "v2026.10"}, november) == "v2026.11.2"


def test_a_tag_must_be_the_version_and_have_its_section(tmp_path):
    objections = module("tag").objections
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "2026.12"\n')
    log = tmp_path / "CHANGELOG.md"
    log.write_text("# Changelog\n\n## 2026.12 (unreleased)\n")
    assert objections("v2026.12", tmp_path) == [
        "CHANGELOG.md calls 2026.12 unreleased: write its date"
    ]
    log.write_text("# Changelog\n\n## 2026.12 (2026-12-01)\n")
    assert objections("v2026.12", tmp_path) == []
    (wrong,) = objections("v2026.11", tmp_path)
    assert "the tag must be v2026.12" in wrong
    log.write_text("# Changelog\n\n## 2026.11\n")
    assert objections("v2026.12", tmp_path) == ["CHANGELOG.md has no section 2026.12"]


@pytest.mark.parametrize(
    ("open_issue", "expected"), [("", "issue create"), ("7", "issue comment 7")]
)
def test_a_failed_report_opens_an_issue_or_adds_to_the_open_one(tmp_path, open_issue, expected):
    gh, log = tmp_path / "gh", tmp_path / "log"
    gh.write_text(
        f'#!/bin/sh\necho "$*" >> {log}\n[ "$2" = list ] && echo "{open_issue}"\nexit 0\n'
    )
    gh.chmod(0o755)
    subprocess.run(
        [CI / "tell"],
        check=True,
        capture_output=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "RUN_URL": "https://localhost/runs/1"},
    )
    asked = log.read_text()
    assert expected in asked
    assert "https://localhost/runs/1" in asked


def test_without_a_known_kind_the_dependencies_script_says_what_it_takes():
    done = subprocess.run(
        [CI / "dependencies", "some"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "oldest|newest" in done.stderr


@pytest.fixture
def step(tmp_path):
    """Environment of a step that works on a tiny built site: packed, it comes into a folder here."""
    packed(tmp_path, "", LABEL)
    yield {**os.environ, "SITE": str(tmp_path / "site"), "DIST": str(tmp_path / "dist")}
    (ROOT / "work" / f"zenodo-{LABEL}.json").unlink(missing_ok=True)


@pytest.mark.slow
def test_a_doi_is_reserved_for_the_build_and_the_draft_is_filled(step, tmp_path):
    with Service() as service:
        environment = step | {
            "ZENODO_TOKEN": TOKEN,
            "ZENODO_SERVER": service.url,
            "GITHUB_OUTPUT": str(tmp_path / "output"),
        }
        done = subprocess.run(
            [CI / "doi", LABEL], env=environment, capture_output=True, text=True, check=True
        )
        doi = done.stdout.strip()
        assert (tmp_path / "output").read_text() == f"doi={doi}\n"
        packed(tmp_path, doi, LABEL)
        said = subprocess.run(
            [CI / "deposit"], env=environment, capture_output=True, text=True, check=True
        )
        (draft,) = service.depositions.values()
        assert len(draft["files"]) == 2
        assert not draft["submitted"]
        assert TOKEN not in done.stdout + done.stderr + said.stdout + said.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("known", "creates"), [(False, True), (True, False)])
def test_the_packed_site_is_attached_to_the_release_of_the_tag(step, tmp_path, known, creates):
    gh, log = tmp_path / "gh", tmp_path / "log"
    gh.write_text(f'#!/bin/sh\necho "$*" >> {log}\n[ "$2" != view ] || exit {0 if known else 1}\n')
    gh.chmod(0o755)
    environment = step | {"PATH": f"{tmp_path}:{step['PATH']}"}
    subprocess.run([CI / "attach", "v2026.11"], env=environment, check=True, capture_output=True)
    asked = log.read_text()
    assert ("release create v2026.11 --verify-tag" in asked) == creates
    (upload,) = (line for line in asked.splitlines() if "upload" in line)
    assert upload.count(".tgz") == 2

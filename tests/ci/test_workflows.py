"""The workflows: least permissions, pinned actions, no secret near a pull request, nothing but scripts."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.config.paths import ROOT

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(path.name for path in FOLDER.glob("*.yml"))
# May write, and why; whoever adds a job that may write adds it here.
WRITERS = {
    ("report.yml", "publish"): {"contents"},
    ("report.yml", "tell"): {"issues"},
    ("release.yml", "publish"): {"contents"},
}
TOKEN = {"ZENODO_TOKEN"}
SECRETS = {("release.yml", "doi"): TOKEN, ("release.yml", "archive"): TOKEN}


def read(name):
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def jobs():
    return [(name, job, body) for name in WORKFLOWS for job, body in read(name)["jobs"].items()]


def steps_that_run():
    return [step["run"] for _, _, body in jobs() for step in body["steps"] if "run" in step]


def test_actionlint_has_nothing_to_say():
    lint = Path(sys.executable).with_name("actionlint")
    done = subprocess.run(
        [lint, "-no-color"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_actionlint_would_say_something(tmp_path):
    workflow = tmp_path / "bad.yml"
    workflow.write_text(
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n"
        "      - run: echo ${{ github.event.head_commit.message }}\n"
    )
    lint = Path(sys.executable).with_name("actionlint")
    done = subprocess.run([lint, workflow], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "untrusted" in done.stdout


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_action_is_pinned_by_its_commit_and_names_its_version(name):
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text.count("uses:") == len(
        re.findall(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+\n", text)
    )


@pytest.mark.parametrize(("name", "job", "body"), jobs())
def test_a_job_may_only_what_it_must(name, job, body):
    assert read(name)["permissions"] == {}
    writes = {what for what, how in body["permissions"].items() if how != "read"}
    assert writes == WRITERS.get((name, job), set())
    assert "timeout-minutes" in body
    for step in body["steps"]:
        if step.get("uses", "").startswith("actions/checkout@") and "contents" not in writes:
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize(("name", "job", "body"), jobs())
def test_secrets_are_in_jobs_of_an_environment_and_never_in_those_of_a_pull_request(
    name, job, body
):
    named = set(re.findall(r"secrets\.(\w+)|secrets\s*\[", yaml.safe_dump(body)))
    assert named == SECRETS.get((name, job), set())
    triggers = read(name)[True]  # YAML reads the key `on` as true
    assert "pull_request_target" not in triggers
    assert "workflow_run" not in triggers
    if named or WRITERS.get((name, job)) == {"contents"}:
        assert "pull_request" not in triggers
        assert body["environment"] in ("pages", "zenodo")


@pytest.mark.parametrize("command", steps_that_run())
def test_a_step_is_one_script_or_make_target_that_is_there(command):
    word, *rest = command.split()
    assert "\n" not in command.strip()
    assert not re.search(r"[;&|`]|\$\(|\$\{\{(?! matrix)", command)
    if word == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        words = [word for word in rest if "=" not in word]
        assert words
        assert set(words) <= set(targets)
    else:
        script = ROOT / word
        assert script.parent == ROOT / ".ci"
        assert os.access(script, os.X_OK)


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / ".ci").iterdir()))
def test_a_script_can_be_read_by_its_interpreter(script):
    path = ROOT / ".ci" / script
    if path.is_dir():
        return
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert os.access(path, os.X_OK)
    if first.endswith("bash"):
        subprocess.run([shutil.which("bash"), "-n", path], check=True)
        assert "set -euo pipefail" in path.read_text(encoding="utf-8")
    else:
        compile(path.read_text(encoding="utf-8"), script, "exec")

"""A deploy that is killed leaves the branch as it was or as it shall be, and can be repeated."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.versions.branch import Branch
from pipeline.versions.deploy import deploy
from tests.versions.sites import finished, git, repository, tree

# Runs a deploy and kills itself, as kill -9 does, at a chosen call of a chosen function.
CHILD = """
import os, signal, sys
from pathlib import Path
from mike import git_utils
from pipeline.versions import deploy as module
from pipeline.versions.branch import Branch

place, calls, site, repository = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
kill = lambda: os.kill(os.getpid(), signal.SIGKILL)

def dying(function, after):
    count = 0
    def wrapped(*args, **kwargs):
        nonlocal count
        count += 1
        if count == calls and not after:
            kill()
        done = function(*args, **kwargs)
        if count == calls and after:
            kill()
        return done
    return wrapped

owner, name, after = {
    "listing": (Branch, "listing", True),
    "start": (git_utils.Commit, "_start_commit", True),
    "removal": (git_utils.Commit, "delete_files", True),
    "file": (git_utils.Commit, "add_file", True),
    "before the end": (git_utils.Commit, "finish", False),
    "after the end": (git_utils.Commit, "finish", True),
}[place]
setattr(owner, name, dying(getattr(owner, name), after))
module.deploy(Path(site), Branch(Path(repository)))
"""

POINTS = [
    ("listing", 1), ("start", 1), ("removal", 1), ("file", 1), ("file", 5), ("file", 12),
    ("before the end", 1), ("after the end", 1),
]  # fmt: skip


def settled(folder: Path) -> None:
    """Wait until git, whose standard input ended with its parent, has ended as well."""
    deadline = time.monotonic() + 20
    while list((folder / ".git" / "objects" / "pack").glob("tmp_*")):
        if time.monotonic() > deadline:
            break  # what it left behind is not in the way, as the repetition shows
        time.sleep(0.05)


@pytest.fixture
def sites(tmp_path: Path) -> tuple[Path, Path]:
    first = finished(tmp_path / "first", "v2026.11")
    return first, finished(tmp_path / "second", "v2026.12", text="two", previous=first)


@pytest.fixture
def whole(tmp_path: Path, sites: tuple[Path, Path]) -> dict[str, str]:
    """The branch after two deploys that nothing interrupts."""
    folder = repository(tmp_path / "whole")
    for site in sites:
        deploy(site, Branch(folder))
    return tree(folder)


@pytest.mark.slow
@pytest.mark.parametrize(("place", "calls"), POINTS)
def test_killed_at_a_point_nothing_is_half_published_and_the_repetition_completes(
    tmp_path: Path, sites: tuple[Path, Path], whole: dict[str, str], place: str, calls: int
) -> None:
    folder = repository(tmp_path / "repository")
    deploy(sites[0], Branch(folder))
    before = tree(folder)
    command = [sys.executable, "-c", CHILD, place, str(calls), str(sites[1]), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    settled(folder)
    assert tree(folder) == (whole if place == "after the end" else before)
    deploy(sites[1], Branch(folder))
    assert tree(folder) == whole
    assert git(folder, "fsck", "--strict") == ""


@pytest.mark.slow
def test_killed_at_any_moment_with_all_its_children(
    tmp_path: Path, sites: tuple[Path, Path], whole: dict[str, str]
) -> None:
    folder = repository(tmp_path / "repository")
    deploy(sites[0], Branch(folder))
    before = tree(folder)
    command = [sys.executable, "-c", CHILD, "listing", "0", str(sites[1]), str(folder)]
    started = time.monotonic()
    subprocess.run([*command[:2], "import mike, pipeline.versions.deploy"], check=True)
    imports_s = time.monotonic() - started
    for step in range(6):
        child = subprocess.Popen(command, start_new_session=True)
        time.sleep(imports_s * (0.7 + 0.2 * step))
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        settled(folder)
        assert tree(folder) in (before, whole)
    for lock in folder.glob(".git/refs/heads/*.lock"):
        lock.unlink()  # as git's own message tells, should the kill have hit its very renaming
    deploy(sites[1], Branch(folder))
    assert tree(folder) == whole


@pytest.mark.slow
def test_two_deploys_at_once_do_not_mix(tmp_path: Path, sites: tuple[Path, Path]) -> None:
    """The second is told to wait, or comes after the first and is compared with it."""
    folder = repository(tmp_path / "repository")
    command = [sys.executable, "-c", CHILD, "listing", "0"]
    children = [
        subprocess.Popen([*command, str(site), str(folder)], stderr=subprocess.PIPE, text=True)
        for site in sites
    ]
    for child in children:
        said = child.communicate()[1]
        assert child.returncode == 0 or "in use by another run" in said or "is none" in said
    for site in sites:
        deploy(site, Branch(folder))
    assert {path.partition("/")[0] for path in tree(folder) if "/" in path} == {
        "v2026.11", "v2026.12", "latest", "stable"
    }  # fmt: skip

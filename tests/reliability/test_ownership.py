"""Nothing that is not ours is deleted, replaced or written into, however a folder is named."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.config.paths import ROOT
from pipeline.errors import WorkspaceError
from pipeline.report.downloads.packing import pack
from pipeline.workflow import ownership
from pipeline.workflow.ownership import (
    DEMO,
    DIST,
    DOCS,
    KINDS,
    MARK,
    SITE,
    WORK,
    check,
    claim,
    empty,
    put_in_place,
)
from pipeline.workflow.products import exclusive


def thesis(folder):
    """A folder of somebody's own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "thesis.tex").write_text("years of work")
    return folder


def foreign_folder(tmp_path):
    return thesis(tmp_path / "mine")


def foreign_hidden_file(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ".git").mkdir()
    return tmp_path / "mine"


def foreign_website(tmp_path):
    folder = thesis(tmp_path / "public_html")
    (folder / "index.html").write_text("my page")
    (folder / "data").mkdir()
    (folder / "data" / "report.json").write_text('{"title": "my own report"}')
    return folder


def foreign_docs_and_site(tmp_path):
    """As ``--work .`` in a checkout of somebody's project meets it."""
    folder = thesis(tmp_path / "project")
    thesis(folder / "docs")
    thesis(folder / "site")
    return folder


def file_in_its_place(tmp_path):
    (tmp_path / "mine").write_text("a file")
    return tmp_path / "mine"


def link_to_a_foreign_folder(tmp_path):
    (tmp_path / "link").symlink_to(thesis(tmp_path / "mine"))
    return tmp_path / "link"


def link_to_a_link(tmp_path):
    (tmp_path / "second").symlink_to(link_to_a_foreign_folder(tmp_path))
    return tmp_path / "second"


def link_to_a_file(tmp_path):
    (tmp_path / "link").symlink_to(file_in_its_place(tmp_path))
    return tmp_path / "link"


def link_that_leads_to_itself(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    return tmp_path / "loop"


def foreign_folder_over_dots(tmp_path):
    thesis(tmp_path / "mine")
    return tmp_path / "absent" / ".." / "mine"


def folder_with_an_unreadable_mark(tmp_path):
    folder = thesis(tmp_path / "mine")
    (folder / MARK).write_text("{")
    return folder


def folder_with_the_mark_of_another(tmp_path):
    folder = thesis(tmp_path / "mine")
    (folder / MARK).write_text('{"made_by": "somebody else", "kind": "site"}')
    return folder


def named_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


FOREIGN = (
    foreign_folder,
    foreign_hidden_file,
    foreign_website,
    foreign_docs_and_site,
    file_in_its_place,
    link_to_a_foreign_folder,
    link_to_a_link,
    link_to_a_file,
    link_that_leads_to_itself,
    foreign_folder_over_dots,
    folder_with_an_unreadable_mark,
    folder_with_the_mark_of_another,
    named_pipe,
)


def snapshot(folder):
    """Everything below a folder: kind, content or target of every entry."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = ("link", path.readlink())
        elif path.is_file():
            found[name] = ("file", path.read_bytes())
        else:
            found[name] = ("other", path.stat().st_mode)
    return found


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("make", FOREIGN)
def test_what_is_not_ours_is_refused_with_the_remedy_and_left_as_it_is(tmp_path, make, kind):
    folder = make(tmp_path)
    before = snapshot(tmp_path)
    with pytest.raises(WorkspaceError, match=r"nothing was touched, .*(choose|move it away)"):
        claim(folder, kind)
    if kind.replaced:
        fresh = tmp_path.parent / f"{tmp_path.name}-fresh"
        fresh.mkdir()
        with pytest.raises(WorkspaceError):
            put_in_place(fresh, folder, kind)
        with pytest.raises(WorkspaceError):
            empty(folder, kind, ())
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("kind", [SITE, DOCS, DEMO])
def test_a_folder_that_holds_the_current_folder_is_never_replaced(tmp_path, monkeypatch, kind):
    inner = tmp_path / "site" / "inner"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    for name in (".", "..", str(tmp_path)):
        with pytest.raises(WorkspaceError, match=r"would be replaced, and .* lies in it"):
            check(Path(name), kind)


@pytest.mark.parametrize("place", [Path("/"), Path.home(), ROOT, ROOT.parent])
def test_root_home_and_the_checkout_are_never_replaced(place):
    with pytest.raises(WorkspaceError, match=r"lies in it|mount point"):
        check(place, SITE)


def test_a_mount_point_is_not_replaced():
    with pytest.raises(WorkspaceError, match="is a mount point, which cannot be replaced"):
        check(Path("/proc"), SITE)


@pytest.mark.parametrize("where", ["site/work", "site", "site/a/b/cubes"])
def test_inputs_and_the_work_folder_must_not_lie_in_the_site(tmp_path, where):
    with pytest.raises(WorkspaceError, match="lies in it"):
        check(tmp_path / "site", SITE, apart=(None, tmp_path / where))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_absent_empty_and_marked_folders_are_ours(tmp_path, kind):
    assert check(tmp_path / "absent", kind) == (tmp_path / "absent").resolve()
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".DS_Store").write_text("left by a desktop")
    check(tmp_path / "empty", kind)
    (tmp_path / "marked").mkdir()
    (tmp_path / "marked" / MARK).write_text(
        json.dumps({"made_by": ownership.PROJECT, "kind": kind.name})
    )
    (tmp_path / "marked" / "thing").write_text("made by us")
    check(tmp_path / "marked", kind)
    other = WORK if kind is not WORK else SITE
    with pytest.raises(WorkspaceError, match=f"is in use as {kind.name}"):
        check(tmp_path / "marked", other)


def fresh_folder(parent, *names):
    fresh = parent / "fresh"
    fresh.mkdir()
    for name in names:
        (fresh / name).write_text(f"new {name}")
    return fresh


def test_a_site_of_ours_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    target = tmp_path / "site"
    put_in_place(fresh_folder(tmp_path, "index.html", "old.html"), target, SITE)
    put_in_place(fresh_folder(tmp_path, "index.html"), target, SITE)
    assert {path.name for path in target.iterdir()} == {"index.html", MARK}
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_site_to_which_somebody_added_a_file_is_not_replaced(tmp_path):
    target = tmp_path / "site"
    put_in_place(fresh_folder(tmp_path, "index.html"), target, SITE)
    thesis(target / "notes")
    before = snapshot(target)
    with pytest.raises(WorkspaceError, match=r"added to it \(notes/thesis\.tex\)"):
        put_in_place(fresh_folder(tmp_path, "index.html"), target, SITE)
    assert snapshot(target) == before


def test_a_link_to_a_site_stays_a_link_and_its_target_is_renewed(tmp_path):
    put_in_place(fresh_folder(tmp_path, "a.html"), tmp_path / "real", SITE)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    put_in_place(fresh_folder(tmp_path, "b.html"), tmp_path / "link", SITE)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "b.html").exists()
    assert not (tmp_path / "real" / "a.html").exists()


def test_a_dangling_link_leads_to_where_the_site_is_made(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "later" / "site")
    put_in_place(fresh_folder(tmp_path, "a.html"), tmp_path / "link", SITE)
    assert (tmp_path / "later" / "site" / "a.html").exists()
    assert (tmp_path / "link").is_symlink()


def test_somebodys_folder_beside_the_site_is_left_alone_whatever_its_name(tmp_path):
    kept = thesis(tmp_path / ".site.old")
    for _ in range(2):
        put_in_place(fresh_folder(tmp_path, "a.html"), tmp_path / "site", SITE)
    assert (kept / "thesis.tex").exists()


def old_site(folder, report):
    (folder / "data").mkdir(parents=True)
    for name in ("index.html", "CITATION.cff"):
        (folder / name).write_text("as the version before wrote it")
    (folder / "data" / "report.json").write_text(json.dumps(report))
    return folder


OUR_REPORT = {"schema": 1, "version": "v2026.10", "campaigns": []}


def test_a_site_of_a_version_without_marks_is_known_by_its_report(tmp_path):
    site = old_site(tmp_path / "site", OUR_REPORT)
    put_in_place(fresh_folder(tmp_path, "index.html"), site, SITE)
    assert (site / MARK).exists()


@pytest.mark.parametrize("report", [{}, [], {"schema": 1}, "text"])
def test_a_site_with_another_report_is_not_adopted(tmp_path, report):
    with pytest.raises(WorkspaceError, match="holds something else"):
        check(old_site(tmp_path / "site", report), SITE)


def test_a_checkout_of_published_versions_is_no_site_to_replace(tmp_path):
    site = old_site(tmp_path / "site", OUR_REPORT)
    (site / ".git").mkdir()
    with pytest.raises(WorkspaceError, match="holds something else"):
        check(site, SITE)


def test_a_work_folder_of_a_version_without_marks_is_adopted(tmp_path):
    work = tmp_path / "work"
    (work / "my-campaign-cubes" / "exposures").mkdir(parents=True)
    (work / "docs").mkdir()
    for name in (".lock", "site.json", "previous.json"):
        (work / name).touch()
    with exclusive(work):
        assert (work / MARK).exists()


def test_a_work_folder_with_one_foreign_entry_is_not_adopted(tmp_path):
    work = tmp_path / "work"
    (work / "my-campaign-cubes" / "exposures").mkdir(parents=True)
    thesis(work)
    with pytest.raises(WorkspaceError, match="holds something else"), exclusive(work):
        pass


def test_a_folder_of_archives_is_adopted_and_one_of_wheels_is_not(tmp_path):
    (tmp_path / "muse-differential-photometry-v2026.10.tgz").touch()
    check(tmp_path, DIST)
    (tmp_path / "something-1.0.whl").touch()
    with pytest.raises(WorkspaceError, match="--output"):
        check(tmp_path, DIST)


def test_a_demo_to_which_somebody_added_a_file_is_not_emptied(tmp_path):
    folder = empty(tmp_path / "demo", DEMO, ("repository",))
    (folder / "repository").mkdir()
    empty(folder, DEMO, ("repository",))
    assert [path.name for path in folder.iterdir()] == [MARK]
    thesis(folder)
    with pytest.raises(WorkspaceError, match=r"added to it \(thesis\.tex\)"):
        empty(folder, DEMO, ("repository",))
    assert (folder / "thesis.tex").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "name"),
    [
        (("--source", "published", "--site", "{}"), "mine"),
        (("--source", "published", "--work", "{}"), "mine"),
        (("--source", "published", "--work", "."), "."),
        (("--source", "published", "--site", "."), "."),
    ],
)
def test_the_build_refuses_a_foreign_folder_before_it_computes(tmp_path, options, name):
    thesis(tmp_path / "mine")
    thesis(tmp_path / "docs")
    before = snapshot(tmp_path)
    command = [sys.executable, str(ROOT / "build_report.py"), "--jobs", "1"]
    if "--work" not in options:
        command += ["--work", str(tmp_path.parent / f"{tmp_path.name}-work")]
    if "--site" not in options:
        command += ["--site", str(tmp_path / "fresh-site")]
    command += [word.format(tmp_path / name) for word in options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "nothing was touched" in done.stderr
    assert not (tmp_path.parent / f"{tmp_path.name}-work").exists()
    assert snapshot(tmp_path) == before


def test_archives_are_not_written_into_a_foreign_folder(tmp_path):
    site = old_site(tmp_path / "site", OUR_REPORT)
    (site / "CITATION.cff").write_text("version: v2026.10\n")
    folder = thesis(tmp_path / "mine")
    with pytest.raises(WorkspaceError, match="--output"):
        pack(site, folder)
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]
    assert all(path.suffix == ".tgz" for path in pack(site, tmp_path / "dist"))


def test_the_numbers_of_the_version_before_replace_no_other_file(tmp_path):
    mine = tmp_path / "mine.json"
    mine.write_text("years of work")
    with pytest.raises(WorkspaceError, match="not written by this program; name another file"):
        ownership.check_file(mine, lambda content: content.startswith(b"{"), "name another file")
    for content in ("", "{}"):
        mine.write_text(content)
        ownership.check_file(mine, lambda content: content[:1] in (b"", b"{"), "name another file")

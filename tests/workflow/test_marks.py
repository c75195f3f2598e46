"""Marks of folders: which content of older versions is known, and what a refusal names."""

import json

import pytest

from pipeline.errors import WorkspaceError
from pipeline.workflow import ownership
from pipeline.workflow.ownership import (
    DEMO,
    DIST,
    DOCS,
    EXPORT,
    FRAMES,
    KINDS,
    MARK,
    SITE,
    WORK,
    check,
    check_file,
    claim,
    empty,
    put_in_place,
    within_marked,
)

REPORT = {"schema": 1, "version": "v2026.11", "campaigns": []}


def tree(folder, *names, report=None):
    """A folder with these files; ``folder/`` makes one."""
    for name in names:
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")
    if report is not None:
        (folder / "data").mkdir(parents=True, exist_ok=True)
        (folder / "data" / "report.json").write_text(json.dumps(report))
    return folder


KNOWN = [
    (SITE, ["index.html", "CITATION.cff", "Thumbs.db", ".DS_Store"], REPORT),
    (DOCS, ["index.md"], REPORT),
    (WORK, [".lock", "docs/a", "site.json", "campaign-7/a", "my/exposures/a", ".DS_Store"], None),
    (DIST, ["muse-differential-photometry-1.tgz"], None),
    (DEMO, ["publish-demo", "repository/a"], None),
    (FRAMES, ["MUSE.2019-01-01", "x.fits"], None),
]
FOREIGN = [
    (SITE, ["index.html", "CITATION.cff", ".git/a"], REPORT),
    (SITE, ["index.html"], REPORT),
    (SITE, ["CITATION.cff", "a.html"], REPORT),
    (SITE, ["index.html", "CITATION.cff"], {"schema": 1, "version": "v2026.11"}),
    (SITE, ["index.html", "CITATION.cff"], ["schema", "version", "campaigns"]),
    (DOCS, ["index.md"], {}),
    (DOCS, ["index.md"], None),
    (SITE, ["index.html", "CITATION.cff", "data/report.json"], None),  # an empty file
    (DOCS, ["a.md"], REPORT),
    (WORK, [".lock", "thesis.tex"], None),
    (WORK, ["my/a"], None),
    (DIST, ["muse-differential-photometry-1.zip"], None),
    (DIST, ["other-1.tgz"], None),
    (DEMO, ["publish-demo"], None),
    (DEMO, ["repository/a"], None),
    (FRAMES, ["MUSE.2019-01-01", "notes.txt"], None),
    (EXPORT, ["x.fits"], None),
]


@pytest.mark.parametrize(("kind", "names", "report"), KNOWN)
def test_a_folder_of_a_version_without_marks_is_known_by_its_content(tmp_path, kind, names, report):
    folder = tree(tmp_path / "f", *names, report=report)
    assert check(folder, kind) == folder.resolve()


@pytest.mark.parametrize(("kind", "names", "report"), FOREIGN)
def test_a_folder_that_lacks_a_part_of_it_is_not(tmp_path, kind, names, report):
    folder = tree(tmp_path / "f", *names, report=report)
    with pytest.raises(WorkspaceError, match=r"holds something else .*nothing was touched"):
        check(folder, kind)


def test_a_refusal_names_three_files_and_counts_the_rest(tmp_path):
    for names, words in (("abc", r"\(a, b, c\)"), ("abcde", r"\(a, b, c and 2 more\)")):
        folder = tree(tmp_path / names, *names)
        with pytest.raises(WorkspaceError, match=words):
            check(folder, EXPORT)


def test_absent_and_empty_folders_are_free_for_every_use(tmp_path):
    for kind in KINDS.values():
        assert check(tmp_path / "absent", kind) == (tmp_path / "absent").resolve()
        assert check(tree(tmp_path / kind.name, ".DS_Store"), kind).name == kind.name


def test_a_folder_in_one_use_is_not_free_for_another(tmp_path):
    assert claim(tmp_path / "w", WORK) == (tmp_path / "w").resolve()
    assert claim(tmp_path / "w", WORK) == (tmp_path / "w").resolve()
    with pytest.raises(WorkspaceError, match="is in use as work"):
        check(tmp_path / "w", EXPORT)


def test_a_mark_of_another_program_counts_for_nothing(tmp_path):
    folder = tree(tmp_path / "w", "thesis.tex")
    for mark in ('{"made_by": "another", "kind": "work"}', "[]", "{", '"text"'):
        (folder / MARK).write_text(mark)
        with pytest.raises(WorkspaceError, match="holds something else"):
            check(folder, WORK)


def test_what_a_mark_covers_lies_in_a_work_folder(tmp_path):
    claim(tmp_path / "w", WORK)
    claim(tmp_path / "e", EXPORT)
    assert within_marked(tmp_path / "w" / "a" / "b") is True
    assert within_marked(tmp_path / "w") is False  # its own mark does not lie above it
    assert within_marked(tmp_path / "e" / "a") is False


def test_a_site_is_replaced_whole_and_files_that_were_added_are_named(tmp_path):
    for text in ("one", "two"):
        fresh = tree(tmp_path / "fresh", "index.html", "data/a")
        (fresh / "index.html").write_text(text)
        place = put_in_place(fresh, tmp_path / "site", SITE)
        assert place == (tmp_path / "site").resolve()
        assert (place / "index.html").read_text() == text
    mark = json.loads((place / MARK).read_text())
    assert mark == {
        "made_by": ownership.PROJECT, "kind": "site", "files": ["data/a", "index.html"]
    }  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site"]
    tree(place, "data/mine", "Thumbs.db")
    with pytest.raises(WorkspaceError, match=r"holds files that were added to it \(data/mine\)"):
        check(place, SITE)


def test_the_mark_of_a_folder_that_files_are_written_into_lists_none(tmp_path):
    place = claim(tmp_path / "w", WORK)
    tree(place, "anything")
    assert check(place, WORK) == place


def test_a_folder_that_cannot_be_replaced_stays_as_it_was(tmp_path, monkeypatch):
    put_in_place(tree(tmp_path / "fresh", "index.html"), tmp_path / "site", SITE)
    rename = ownership.Path.rename

    def fail(self, target):
        if self.name == "fresh":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(ownership.Path, "rename", fail)
    with pytest.raises(WorkspaceError, match=r"cannot be replaced \(Input/output error\)"):
        put_in_place(tree(tmp_path / "fresh", "new.html"), tmp_path / "site", SITE)
    assert (tmp_path / "site" / "index.html").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fresh", "site"]


def test_a_demo_is_emptied_of_what_a_run_leaves_and_marked(tmp_path):
    folder = tree(tmp_path / "d", "publish-demo", "repository/a", ".DS_Store")
    assert empty(folder, DEMO, ["publish-demo", "repository"]) == folder.resolve()
    assert [path.name for path in folder.iterdir()] == [MARK]
    assert empty(tmp_path / "absent", DEMO, []).is_dir()
    tree(folder, "mine")
    with pytest.raises(WorkspaceError, match=r"added to it \(mine\)"):
        empty(folder, DEMO, ["repository"])
    assert (folder / "mine").exists()


def test_a_file_of_somebody_is_not_written_over(tmp_path):
    path = tmp_path / "numbers.json"

    def ours(content):
        return content.startswith(b"{")

    check_file(path, ours, "choose another")
    path.write_text("{}")
    check_file(path, ours, "choose another")
    path.write_text("thesis")
    with pytest.raises(WorkspaceError, match="not written by this program; choose another"):
        check_file(path, ours, "choose another")
    with pytest.raises(WorkspaceError, match="not written by this program"):
        check_file(tmp_path, ours, "choose another")


def test_only_site_pages_and_demo_are_replaced_as_a_whole():
    assert {name for name, kind in ownership.KINDS.items() if kind.replaced} == {
        "site",
        "docs",
        "demo",
    }


def test_an_empty_folder_is_taken_for_files_to_be_written_into_and_any_other_is_refused(tmp_path):
    (tmp_path / "new").mkdir()
    assert ownership.claim(tmp_path / "new", ownership.EXPORT) == (tmp_path / "new").resolve()
    assert [path.name for path in (tmp_path / "new").iterdir()] == [ownership.MARK]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    with pytest.raises(WorkspaceError, match="choose an empty folder"):
        ownership.claim(tmp_path / "full", ownership.EXPORT)


def test_a_folder_that_cannot_even_be_moved_aside_stays_as_it_was(tmp_path, monkeypatch):
    put_in_place(tree(tmp_path / "fresh", "index.html"), tmp_path / "site", SITE)

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(ownership.Path, "rename", fail)
    with pytest.raises(WorkspaceError, match=r"cannot be replaced \(Input/output error\)"):
        put_in_place(tree(tmp_path / "fresh", "new.html"), tmp_path / "site", SITE)
    assert (tmp_path / "site" / "index.html").exists()
    assert (tmp_path / "fresh" / "new.html").exists()


def test_a_fresh_folder_that_cannot_take_an_absent_place_is_named(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(ownership.Path, "rename", fail)
    with pytest.raises(WorkspaceError, match=r"site: cannot be replaced \(Input/output error\)"):
        put_in_place(tree(tmp_path / "fresh", "new.html"), tmp_path / "a" / "site", SITE)
    assert not (tmp_path / "a" / "site").exists()

"""Records of files and stamps at the edges of what is trusted."""

import errno
import json
import os

import pytest

from pipeline.errors import CubeEmpty, WorkspaceError
from pipeline.workflow import products, stamps
from pipeline.workflow.stamps import Recorded, Stamp, read_stamp, stamp_path, write_stamp

STAMP = Stamp("test", "key", {"a": 1}, stamps.DONE)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "product.txt"
    path.write_bytes(bytes(range(256)) * 2000)
    return path


def other_middle(path):
    """Other content in between, where no fingerprint looks; size and time stay."""
    times, content = path.stat(), bytearray(path.read_bytes())
    content[6000] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_whole_digest_sees_every_byte_and_a_fingerprint_samples(file):
    whole, sampled = Recorded.of(file), Recorded.of(file, whole=False)
    assert (whole.whole, sampled.whole) == (True, False)
    assert whole.digest != sampled.digest
    assert sampled.difference(file, verify=True) == whole.difference(file, verify=True) == ""
    other_middle(file)
    assert whole.difference(file) == ""  # trusted by size and time
    assert whole.difference(file, verify=True) == "other content"
    os.utime(file, (0, 0))
    assert whole.difference(file) == "other content"


def test_a_file_that_is_gone_or_of_another_size_is_said(file):
    record = Recorded.of(file)
    file.write_bytes(b"four")
    assert record.difference(file) == "4 bytes instead of 512000"
    file.unlink()
    assert record.difference(file) == "missing"


def test_a_record_without_size_is_compared_by_content(file):
    record = Recorded(products.file_sha256(file))
    assert (record.size, record.mtime_ns, record.whole) == (stamps.UNKNOWN, stamps.UNKNOWN, True)
    assert record.difference(file) == ""
    other_middle(file)
    assert record.difference(file) == "other content"


def test_a_stamp_comes_back_as_it_was_written(tmp_path):
    product = tmp_path / "p"
    stamp = Stamp(
        "test", "key", {"a": 1}, stamps.LOST, {"p": Recorded("d", 3, 4, whole=False)}, 1.5, 2.5,
        ("look",), "WorkerLost", "gone",
    )  # fmt: skip
    write_stamp(product, stamp)
    assert read_stamp(product) == stamp
    assert [path.name for path in tmp_path.iterdir()] == ["p.stamp.json"]


def test_a_stamp_of_unlikely_size_is_not_read(tmp_path, monkeypatch):
    write_stamp(tmp_path / "p", STAMP)
    size = stamp_path(tmp_path / "p").stat().st_size
    monkeypatch.setattr(stamps, "MAX_STAMP_BYTES", size)
    assert read_stamp(tmp_path / "p") == STAMP
    monkeypatch.setattr(stamps, "MAX_STAMP_BYTES", size - 1)
    assert read_stamp(tmp_path / "p") is None


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "a\0b"])
def test_a_stamp_that_names_a_file_elsewhere_is_not_read(tmp_path, name):
    write_stamp(tmp_path / "p", STAMP)
    path = stamp_path(tmp_path / "p")
    path.write_text(json.dumps({**json.loads(path.read_text()), "outputs": {name: "0"}}))
    assert read_stamp(tmp_path / "p") is None


def test_a_lost_worker_makes_a_product_stale_and_a_failure_does_not(tmp_path):
    key = products.digest({"a": 1})
    for state, reason in ((stamps.LOST, "worker was lost: gone"), (stamps.FAILED, "")):
        write_stamp(tmp_path / "p", Stamp("test", key, {"a": 1}, state, error="gone"))
        assert products.staleness(tmp_path / "p", {"a": 1}) == reason


def test_what_changed_is_named_however_deep_and_new_or_gone(tmp_path):
    write_stamp(tmp_path / "p", Stamp("test", "k", {"s": {"a": 1, "b": 2}, "x": 1}, stamps.DONE))
    new = {"s": {"a": 1, "b": 3, "c": 0}, "y": (1, 2)}
    assert products.staleness(tmp_path / "p", new) == "changed: s.b, s.c, x, y"
    same = {"s": {"a": 1, "b": 2}, "x": 1}
    assert products.staleness(tmp_path / "p", same) == "changed: stamp format"


def test_a_transient_product_is_known_by_its_fingerprint(tmp_path):
    def build(output):
        output.path("p").write_text("text")

    for transient in (True, False):
        stamp = products.make(tmp_path / "p", "test", {}, build, transient=transient)
        assert stamp.outputs["p"].whole is not transient
    assert products.make(tmp_path / "p", "test", {}, build).outputs["p"].whole is True


def test_cost_is_seconds_and_megabytes(tmp_path, monkeypatch):
    clock = iter([10.0, 12.3456])
    monkeypatch.setattr(products.time, "monotonic", lambda: next(clock))
    usage = type("Usage", (), {"ru_maxrss": 2048 * 3})
    monkeypatch.setattr(products.resource, "getrusage", lambda _: usage)
    stamp = products.make(tmp_path / "p", "test", {}, lambda output: output.path("p").touch())
    assert (stamp.wall_s, stamp.peak_rss_mb) == (2.346, 6.0)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_a_disk_that_takes_no_more_is_a_fault_of_the_workspace_wherever_it_shows(tmp_path, number):
    def build(_):
        raise OSError(number, "no more", "/elsewhere")

    with pytest.raises(WorkspaceError, match="/elsewhere: no more; free space or choose"):
        products.make(tmp_path / "p", "test", {}, build)


@pytest.mark.parametrize(
    "failure",
    [OSError("not enough space on disk"), PermissionError(13, "denied", b"HERE/.p.part")],
)
def test_what_astropy_says_of_a_full_disk_and_a_file_of_ours_are_so_too(tmp_path, failure):
    if failure.filename:
        failure.filename = os.fsencode(str(tmp_path / ".p.part"))

    def build(_):
        raise failure

    with pytest.raises(WorkspaceError, match="free space or choose another folder with --work"):
        products.make(tmp_path / "p", "test", {}, build)


def test_an_error_without_a_file_is_no_fault_of_the_workspace(tmp_path):
    def build(_):
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error") as caught:
        products.make(tmp_path / "p", "test", {}, build)
    assert not isinstance(caught.value, WorkspaceError)


def test_a_failure_that_is_recorded_removes_what_an_earlier_run_made(tmp_path):
    product = tmp_path / "new" / "p"

    def build(output):
        output.path("p").write_text("p")
        output.path("more").write_text("more")

    products.make(product, "test", {}, build)
    failed = Stamp("test", "k", {}, stamps.FAILED, error_type="CubeEmpty", error="empty")
    products.record_failure(product, failed)
    assert [path.name for path in product.parent.iterdir()] == ["p.stamp.json"]
    assert read_stamp(product) == failed
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError, match=r"Not a directory|File exists"):
        products.record_failure(tmp_path / "file" / "p", failed)


def test_a_failure_without_a_stamp_before_removes_the_product_alone(tmp_path):
    (tmp_path / "p").touch()
    (tmp_path / "other").touch()

    def build(_):
        raise CubeEmpty("empty")

    products.make(tmp_path / "p", "test", {}, build)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "p.stamp.json"]


def test_only_what_was_made_is_purged(tmp_path):
    for state, there in ((stamps.FAILED, True), (stamps.LOST, True), (stamps.DONE, False)):
        (tmp_path / "p").touch()
        write_stamp(tmp_path / "p", Stamp("t", "k", {}, state, {"p": Recorded("d")}))
        products.purge(tmp_path / "p")
        assert (tmp_path / "p").exists() is there
    assert read_stamp(tmp_path / "p").state == stamps.PURGED
    products.purge(tmp_path / "nothing")


def test_half_written_files_are_swept_and_counted_and_folders_are_not(tmp_path):
    for name in (".a.1.part", "b.part", "sub/.c.2.part"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".d.3.part").mkdir()
    assert products.sweep_parts(tmp_path) == 2
    assert sorted(p.name for p in tmp_path.rglob("*")) == [".d.3.part", "b.part", "sub"]


def test_a_forgotten_product_is_made_again(tmp_path):
    products.make(tmp_path / "p", "test", {}, lambda output: output.path("p").touch())
    products.forget(tmp_path / "p")
    products.forget(tmp_path / "p")
    assert products.staleness(tmp_path / "p", {}) == "not made yet"
    assert (tmp_path / "p").exists()


def test_a_folder_is_shared_among_those_who_share_it_and_with_nobody_else(tmp_path):
    def hold(folder, shared):
        with products.locked(folder, shared=shared):
            pass

    with products.locked(tmp_path, shared=True):
        hold(tmp_path, shared=True)
        with pytest.raises(WorkspaceError, match="in use by another run"):
            hold(tmp_path, shared=False)
    with products.locked(tmp_path), pytest.raises(WorkspaceError, match="in use by another run"):
        hold(tmp_path, shared=True)
    with pytest.raises(WorkspaceError, match="cannot be written"):
        hold(tmp_path / "no", shared=False)


def test_a_work_folder_is_marked_but_not_one_within_it(tmp_path):
    with products.exclusive(tmp_path / "work"):
        assert (tmp_path / "work" / products.ownership.MARK).exists()
    with products.exclusive(tmp_path / "work" / "campaign"):
        assert not (tmp_path / "work" / "campaign" / products.ownership.MARK).exists()


def test_a_stamp_that_says_nothing_else_has_cost_nothing_and_warned_of_nothing():
    assert (STAMP.wall_s, STAMP.peak_rss_mb, STAMP.warnings) == (0.0, 0.0, ())
    assert (STAMP.outputs, STAMP.error_type, STAMP.error) == ({}, "", "")


def test_the_bytes_of_a_stamp_do_not_depend_on_the_order_of_its_ingredients(tmp_path):
    for name, ingredients in (
        ("a", {"x": 1, "y": {"p": 1, "q": 2}}),
        ("b", {"y": {"q": 2, "p": 1}, "x": 1}),
    ):
        write_stamp(tmp_path / name, Stamp("t", "k", ingredients, stamps.DONE))
    assert stamp_path(tmp_path / "a").read_bytes() == stamp_path(tmp_path / "b").read_bytes()


def test_an_output_that_is_gone_already_is_purged_with_the_others(tmp_path):
    (tmp_path / "p").touch()
    write_stamp(
        tmp_path / "p",
        Stamp("t", "k", {}, stamps.DONE, {"gone": Recorded("d"), "p": Recorded("d")}),
    )
    products.purge(tmp_path / "p")
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(("before", "after"), [({"x": 1}, "key"), ("key", {"x": 1})])
def test_an_ingredient_that_became_another_kind_of_thing_has_changed(tmp_path, before, after):
    products.make(tmp_path / "p", "t", {"inputs": before}, lambda output: output.path("p").touch())
    assert products.staleness(tmp_path / "p", {"inputs": after}) == "changed: inputs"

"""Stamps: when a product is stale, and that nothing is ever half there."""

import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import warnings

import pytest

from pipeline.errors import CubeEmpty, WorkspaceError
from pipeline.workflow import products

INGREDIENTS = {"stage": "test", "settings": {"a": 1, "b": [1, 2]}, "inputs": {"x": "k1"}}


@pytest.fixture
def product(tmp_path):
    return tmp_path / "out" / "product.txt"


def write(text):
    def build(output):
        output.path("product.txt").write_text(text)

    return build


def test_a_made_product_is_not_stale(product):
    stamp = products.make(product, "test", INGREDIENTS, write("hello"))
    assert product.read_text() == "hello"
    assert stamp.state == products.DONE
    (output,) = stamp.outputs.values()
    assert output.digest == products.file_sha256(product)
    assert (output.size, output.mtime_ns) == (5, product.stat().st_mtime_ns)
    assert products.read_stamp(product) == stamp
    assert products.staleness(product, INGREDIENTS) == ""


def test_the_reason_for_staleness_names_what_changed(product):
    assert products.staleness(product, INGREDIENTS) == "not made yet"
    products.make(product, "test", INGREDIENTS, write("hello"))
    other = {**INGREDIENTS, "settings": {"a": 2, "b": [1, 2]}}
    assert products.staleness(product, other) == "changed: settings.a"
    product.unlink()
    assert products.staleness(product, INGREDIENTS) == "missing: product.txt"


def test_the_key_does_not_depend_on_the_order_of_the_ingredients():
    backwards = dict(reversed(list(INGREDIENTS.items())))
    assert products.digest(backwards) == products.digest(INGREDIENTS)


def test_touching_a_product_does_not_make_it_stale(product):
    products.make(product, "test", INGREDIENTS, write("hello"))
    os.utime(product, (0, 0))
    assert products.staleness(product, INGREDIENTS) == ""


def test_a_product_of_another_size_is_made_again(product):
    products.make(product, "test", INGREDIENTS, write("hello"))
    product.write_text("hell")
    assert products.staleness(product, INGREDIENTS) == (
        "not as it was made: product.txt (4 bytes instead of 5)"
    )


def test_a_product_with_another_byte_is_made_again(product):
    products.make(product, "test", INGREDIENTS, write("hello"))
    product.write_text("hallo")
    os.utime(product, (0, 0))
    assert products.staleness(product, INGREDIENTS) == (
        "not as it was made: product.txt (other content)"
    )


def flip_a_byte_and_keep_size_and_time(path):
    times = path.stat()
    path.write_text("hallo")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_size_and_time_are_trusted_unless_everything_is_to_be_verified(product):
    products.make(product, "test", INGREDIENTS, write("hello"))
    flip_a_byte_and_keep_size_and_time(product)
    assert products.staleness(product, INGREDIENTS) == ""
    assert "other content" in products.staleness(product, INGREDIENTS, verify=True)


def test_an_output_that_became_a_folder_is_made_again(product):
    products.make(product, "test", INGREDIENTS, write("hello"))
    product.unlink()
    product.mkdir()
    assert "not as it was made" in products.staleness(product, INGREDIENTS)


def test_a_stamp_of_a_version_that_recorded_digests_alone_is_compared_by_content(product):
    products.make(product, "test", INGREDIENTS, write("hello"))
    path = product.with_name("product.txt.stamp.json")
    record = json.loads(path.read_text())
    record["outputs"] = {"product.txt": products.file_sha256(product)}
    path.write_text(json.dumps(record))
    assert products.staleness(product, INGREDIENTS) == ""
    product.write_text("hallo")
    assert "other content" in products.staleness(product, INGREDIENTS)


def test_a_failure_removes_what_an_earlier_success_made(product):
    products.make(product, "test", INGREDIENTS, write("hello"))

    def build(_):
        raise CubeEmpty("cube.fits: no finite value")

    products.make(product, "test", {**INGREDIENTS, "more": 1}, build)
    assert not product.exists()


def test_an_input_that_cannot_be_read_is_no_fault_of_the_workspace(product):
    def build(_):
        raise FileNotFoundError(2, "No such file or directory", "/elsewhere/cube.fits")

    with pytest.raises(FileNotFoundError):
        products.make(product, "test", INGREDIENTS, build)


def test_a_purged_product_stays_done_and_its_space_is_free(product):
    products.make(product, "test", INGREDIENTS, write("hello"))
    products.purge(product)
    assert not product.exists()
    assert products.staleness(product, INGREDIENTS) == ""


def test_a_purge_that_was_interrupted_is_completed_by_the_next(product):
    products.make(product, "test", INGREDIENTS, write("hello"))
    products.purge(product)
    product.write_text("left behind")
    products.purge(product)
    assert not product.exists()


def test_an_expected_failure_becomes_a_stamp_and_leaves_no_output(product):
    def build(output):
        output.path("product.txt").write_text("half")
        raise CubeEmpty("cube.fits: no finite value")

    stamp = products.make(product, "test", INGREDIENTS, build)
    assert (stamp.state, stamp.error_type) == (products.FAILED, "CubeEmpty")
    assert stamp.error == "cube.fits: no finite value"
    assert products.staleness(product, INGREDIENTS) == ""  # the same input would fail again
    assert [path.name for path in product.parent.iterdir()] == ["product.txt.stamp.json"]


def test_an_unexpected_failure_crashes_and_leaves_the_product_stale(product):
    products.make(product, "test", INGREDIENTS, write("old"))

    def build(output):
        output.path("product.txt").write_text("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        products.make(product, "test", INGREDIENTS, build)
    assert products.staleness(product, INGREDIENTS) == "not made yet"
    assert not list(product.parent.glob(".*.part"))


def test_warnings_are_kept_in_the_stamp(product):
    def build(output):
        warnings.warn("look out", stacklevel=1)
        output.path("product.txt").write_text("")

    assert products.make(product, "test", INGREDIENTS, build).warnings == ("look out",)
    assert products.read_stamp(product).warnings == ("look out",)


@pytest.mark.parametrize(
    "change",
    [
        {"outputs": None}, {"outputs": []}, {"outputs": {"product.txt": None}}, {"outputs": 3},
        {"outputs": {"product.txt": {}}}, {"outputs": {"../other": "0"}}, {"outputs": {"": "0"}},
        {"outputs": {"product.txt": {"digest": "", "size": [], "mtime_ns": 0, "whole": True}}},
        {"ingredients": None}, {"ingredients": []}, {"ingredients": "x"}, {"key": None},
        {"state": "excellent"}, {"state": None}, {"warnings": 3}, {"warnings": None},
        {"wall_s": None}, {"wall_s": "long"}, {"peak_rss_mb": {}}, {"error": 3}, {"stage": []},
    ],
)  # fmt: skip
def test_a_stamp_with_a_value_of_the_wrong_type_makes_the_product_stale(product, change):
    products.make(product, "test", INGREDIENTS, write("hello"))
    path = product.with_name("product.txt.stamp.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert products.read_stamp(product) is None
    assert products.staleness(product, INGREDIENTS) == "its stamp cannot be read"
    products.purge(product)
    assert product.exists()


INFINITE = b"""{"stage": "test", "key": "", "state": "done", "error_type": "", "error": "",
 "ingredients": {}, "wall_s": 0, "peak_rss_mb": 0, "warnings": [],
 "outputs": {"product.txt": {"digest": "", "size": 5, "mtime_ns": -Infinity, "whole": true}}}"""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"stage": "te',
        b"null",
        b"[]",
        b"3",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"key": 1e999}',
        INFINITE,
    ],
)
def test_a_damaged_stamp_makes_the_product_stale(product, content):
    products.make(product, "test", INGREDIENTS, write("hello"))
    product.with_name("product.txt.stamp.json").write_bytes(content)
    assert products.staleness(product, INGREDIENTS) == "its stamp cannot be read"
    products.make(product, "test", INGREDIENTS, write("hello"))
    assert products.staleness(product, INGREDIENTS) == ""


def test_a_stamp_that_is_no_file_makes_the_product_stale(product):
    products.make(product, "test", INGREDIENTS, write("hello"))
    path = product.with_name("product.txt.stamp.json")
    path.unlink()
    os.mkfifo(path)  # reading it would wait for ever
    assert products.staleness(product, INGREDIENTS) == "its stamp cannot be read"


def test_a_product_that_is_made_again_because_it_was_changed_is_said(product, caplog):
    caplog.set_level(logging.INFO, "pipeline")
    products.make(product, "test", INGREDIENTS, write("hello"))
    product.write_text("hell")
    products.tell_if_damaged(product, products.staleness(product, INGREDIENTS))
    products.tell_if_damaged(product, "changed: settings.a")
    assert caplog.messages == [
        "out/product.txt: not as it was made: product.txt (4 bytes instead of 5); made again"
    ]


def test_a_full_disk_is_reported_with_a_remedy(product):
    def build(output):
        raise OSError(28, "No space left on device", str(output.path("product.txt")))

    with pytest.raises(WorkspaceError, match="No space left on device; free space or choose"):
        products.make(product, "test", INGREDIENTS, build)


def test_a_process_killed_while_writing_leaves_no_product_and_no_stamp(tmp_path):
    script = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from pipeline.workflow import products

        def build(output):
            output.path("product.txt").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)

        products.make(Path(sys.argv[1]), "test", {}, build)
        """
    )
    product = tmp_path / "product.txt"
    done = subprocess.run([sys.executable, "-c", script, str(product)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not product.exists()
    assert products.staleness(product, {}) == "not made yet"
    assert products.sweep_parts(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "label",
    ["../../etc/passwd", "/abs", "..", ".hidden", "", "a/b", "x" * 500, "MUSE.2019-01-01T00:00:00"],
)
def test_a_label_from_a_header_never_leaves_the_folder(tmp_path, label):
    name = products.safe_name(label)
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()
    assert not name.startswith(".")
    assert len(name) < 140


def test_labels_that_differ_only_in_replaced_characters_keep_different_names():
    assert products.safe_name("a:b") != products.safe_name("a_b")
    assert products.safe_name("MUSE.2019-01-01") == "MUSE.2019-01-01"


def test_the_fingerprint_sees_size_ends_and_a_rewritten_file(tmp_path):
    path = tmp_path / "big"
    content = bytearray(os.urandom(3_000_000))
    path.write_bytes(content)
    first = products.fingerprint(path)
    assert products.fingerprint(path) == first
    for change in (
        content[:-1],
        bytes([content[0] ^ 1]) + content[1:],
        bytearray(os.urandom(3_000_000)),
    ):
        path.write_bytes(change)
        assert products.fingerprint(path) != first


def test_a_folder_serves_one_run_at_a_time(tmp_path):
    with (
        products.exclusive(tmp_path),
        pytest.raises(WorkspaceError, match="in use by another run"),
        products.exclusive(tmp_path),
    ):
        pass
    with products.exclusive(tmp_path):
        assert True  # free again: entering did not raise


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(WorkspaceError, match="cannot be written"),
        products.exclusive(tmp_path / "file" / "work"),
    ):
        pass


def test_the_stamp_is_readable_json_with_cost_and_ingredients(product):
    products.make(product, "test", INGREDIENTS, write("hello"))
    record = json.loads(product.with_name("product.txt.stamp.json").read_text())
    assert record["ingredients"] == INGREDIENTS
    assert record["wall_s"] >= 0
    assert record["peak_rss_mb"] > 1


@pytest.mark.parametrize(("transient", "n_flushed"), [(False, 1), (True, 0)])
def test_a_product_that_stays_is_flushed_to_disk_before_it_has_its_name(
    product, monkeypatch, transient, n_flushed
):
    flushed = []

    def fsync(descriptor):
        flushed.append((os.fstat(descriptor).st_ino, product.exists()))

    monkeypatch.setattr(products.os, "fsync", fsync)
    products.make(product, "test", INGREDIENTS, write("hello"), transient=transient)
    assert flushed.count((product.stat().st_ino, False)) == n_flushed

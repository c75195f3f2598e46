"""Files that come compressed as a whole: what gzip and compress write is read back byte by byte."""

import gzip
import subprocess

import numpy as np
import pytest

from pipeline.archive.uncompress import is_compressed, uncompress
from tests.archive.lzw import compress
from tests.archive.server import TestArchive
from tests.archive.world import World


def samples():
    rng = np.random.default_rng(8)
    text = b"".join(b"%-80s" % f"KEY{n:05d}= {n * n}".encode() for n in range(4000))
    return {
        "empty": b"",
        "one byte": b"x",
        "one string, repeated": b"ab" * 5000,
        "zeros": bytes(200_000),
        "a header": text,
        "noise": rng.integers(0, 256, 100_000).astype("u1").tobytes(),
        "noise of few values, then text": rng.integers(0, 7, 300_000).astype("u1").tobytes() + text,
    }


SAMPLES = samples()


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize(
    "options",
    [{}, {"last_bits": 9}, {"last_bits": 12, "clear_after": 300}, {"block_mode": False}],
    ids=str,
)
def test_what_compress_writes_is_read_back(name, options):
    packed = compress(SAMPLES[name], **options)
    assert is_compressed(packed)
    assert uncompress(packed) == SAMPLES[name]


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "empty"])
@pytest.mark.parametrize("clear_after", [0, 300])
def test_the_encoder_of_the_tests_writes_what_gzip_reads(name, clear_after):
    packed = compress(SAMPLES[name], last_bits=13, clear_after=clear_after)
    done = subprocess.run(["gzip", "-dc"], input=packed, capture_output=True, check=True)
    assert done.stdout == SAMPLES[name]


def test_gzip_is_read_back():
    assert uncompress(gzip.compress(SAMPLES["a header"])) == SAMPLES["a header"]


@pytest.mark.parametrize("pack", [compress, gzip.compress])
def test_more_than_the_limit_is_refused(pack):
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        uncompress(pack(SAMPLES["zeros"]), 1000)


@pytest.mark.parametrize(
    "data",
    [
        b"\x1f\x9d",
        b"\x1f\x9d\xff\0\0",
        b"\x1f\x9d\x88\0\0",
        b"\x1f\x9d\x90\xff\xff\xff",
        gzip.compress(b"x" * 999, mtime=0)[:-3],
        b"\x1f\x8bnonsense",
    ],
    ids=["no flags", "flags", "no data", "codes", "gzip cut short", "gzip in name only"],
)
def test_damaged_data_are_refused(data):
    with pytest.raises(ValueError, match=r"Z file|gzip file"):
        uncompress(data)


@pytest.mark.parametrize("pack", [compress, gzip.compress])
@pytest.mark.parametrize("fault", ["", "truncate"])
def test_a_compressed_file_of_the_archive_is_kept_uncompressed_and_verified(workspace, pack, fault):
    world = World().night("2019-03-09", "WFM-AO-N")
    with TestArchive(world) as archive:
        archive.compressor = pack
        archive.faults.queue["/dataPortal"] = [fault] * 3
        assert workspace.point_at(archive).run("retrieve") == 0
    assert workspace.names() == world.needed(world.last_standard)
    for path in workspace.files():
        name = path.name.removesuffix(".fz").removesuffix(".fits")
        assert path.read_bytes() == world.file(name)


def test_a_compressed_file_that_is_damaged_is_refused(workspace, capsys):
    world = World().night("2019-03-09", "WFM-AO-N")
    with TestArchive(world) as archive:
        archive.compressor = lambda data: compress(data)[:-200]
        assert workspace.point_at(archive).run("retrieve") == 1
    assert workspace.names() == set()
    assert "headers announce" in capsys.readouterr().err

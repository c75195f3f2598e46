"""Cubes that did not change are not opened again; whatever did is read anew."""

import os

import pytest

from pipeline.config.settings import Settings
from pipeline.tasks import cube_cache, inputs, job
from pipeline.tasks.cube_cache import CubeCache
from pipeline.tasks.inputs import cubes_in
from tests.muse.cubes import primary_header, small_cube

STARTS = ("2019-03-11T02:00:00.500", "2019-03-12T02:00:00.500", "2019-03-13T02:00:00.500")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """Files that were made right now count as settled, and no fingerprint is known."""
    monkeypatch.setattr(cube_cache, "SETTLED_NS", 0)
    monkeypatch.setattr(job, "FINGERPRINTS", {})
    monkeypatch.setattr(cube_cache, "FINGERPRINTS", job.FINGERPRINTS)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "cubes"
    place.mkdir()
    for k, start in enumerate(STARTS):
        primary = primary_header(**{"DATE-OBS": start, "MJD-OBS": 58553.08 + k, "ARCFILE": None})
        small_cube(place / f"{k}.fits", primary=primary)
    (place / "none.fits").write_bytes(b"nothing of the kind")
    return place


@pytest.fixture
def opened(monkeypatch):
    """Names of the files that were opened."""
    names = []
    look = inputs.cube_entry

    def counted(path, *rest):
        names.append(path.name)
        return look(path, *rest)

    monkeypatch.setattr(inputs, "cube_entry", counted)
    return names


def entries_with(folder, kept, shaping=1):
    cache = CubeCache(kept, shaping)
    entries = cubes_in(folder, Settings(), cache=cache)
    cache.write()
    return entries


def test_a_second_run_opens_only_what_could_not_be_used(folder, opened, tmp_path):
    first = entries_with(folder, tmp_path / "kept.json")
    assert sorted(opened) == ["0.fits", "1.fits", "2.fits", "none.fits"]
    opened.clear()
    second = entries_with(folder, tmp_path / "kept.json")
    assert opened == ["none.fits"]
    assert second[:3] == first[:3]
    assert [str(one.error) for one in second[3:]] == [str(one.error) for one in first[3:]]
    assert first == cubes_in(folder, Settings())[:3] + first[3:]


def test_a_file_with_other_bytes_is_opened_though_its_size_and_time_are_the_same(
    folder, opened, tmp_path
):
    entries_with(folder, tmp_path / "kept.json")
    path = folder / "1.fits"
    status, content = path.stat(), path.read_bytes()
    path.write_bytes(content.replace(b"WFM-AO-N", b"WFM-AO-E", 1))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    opened.clear()
    entries = entries_with(folder, tmp_path / "kept.json")
    assert opened == ["1.fits", "none.fits"]
    assert [one.exposure.mode for one in entries[:3]] == ["WFM-AO-N", "WFM-AO-E", "WFM-AO-N"]


def test_other_settings_and_damage_mean_that_nothing_is_known(folder, opened, tmp_path):
    kept = tmp_path / "kept.json"
    entries_with(folder, kept)
    opened.clear()
    entries_with(folder, kept, shaping=2)
    assert len(opened) == 4
    for damage in ("", "[]", "null", '{"key": 1}', kept.read_text()[:-40]):
        kept.write_text(damage)
        opened.clear()
        entries_with(folder, kept, shaping=2)
        assert len(opened) == 4


def test_a_cache_of_which_a_part_is_damaged_is_not_used(folder, opened, tmp_path):
    """Another digit of a time would be another night, without a word."""
    kept = tmp_path / "kept.json"
    entries_with(folder, kept)
    good = kept.read_text()
    assert good.count("58553.08") >= 1
    for damaged in (good.replace("58553.08", "58653.08"), good.replace('"night"', '"nights"')):
        kept.write_text(damaged)
        opened.clear()
        entries_with(folder, kept)
        assert len(opened) == 4


def test_what_changed_right_before_it_was_read_is_not_kept(folder, opened, tmp_path, monkeypatch):
    monkeypatch.setattr(cube_cache, "SETTLED_NS", 3_600_000_000_000)
    for _ in range(2):
        opened.clear()
        entries_with(folder, tmp_path / "kept.json")
        assert len(opened) == 4


def test_fingerprints_are_kept_with_the_entries(folder, tmp_path, monkeypatch):
    kept, path = tmp_path / "kept.json", folder / "2.fits"
    cache = CubeCache(kept, 1)
    cubes_in(folder, Settings(), cache=cache)
    found = job._file_ingredients(path)
    cache.write()
    job.FINGERPRINTS.clear()
    monkeypatch.setattr(job.products, "fingerprint", lambda _path: pytest.fail("it was read"))
    CubeCache(kept, 1)
    assert job._file_ingredients(path) == found

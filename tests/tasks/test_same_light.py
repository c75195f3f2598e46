"""Files of the same light: which belong together, and which of them is taken."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.errors import CubeUnreadable, NoEpoch
from pipeline.tasks import same_light
from pipeline.tasks.same_light import Candidate, without_copies
from tests.muse.cubes import small_cube
from tests.tasks.made import START_MJD, entry

SECOND = 1 / 86400


def files(*entries):
    """Entries by file, labels by file, all of the first field."""
    by_path = {Path(f"{one.exposure_id}.fits"): one for one in entries}
    return by_path, {path: path.name for path in by_path}, dict.fromkeys(by_path, 0)


def groups(*entries, fields=None):
    by_path, _, same = files(*entries)
    found = same_light._groups(
        by_path, same if fields is None else dict(zip(by_path, fields, strict=True))
    )
    return [[path.stem for path in group] for group in found]


def test_files_of_one_mode_and_field_within_a_second_are_of_the_same_light():
    a, b = entry("a"), entry("b", mjd=START_MJD + SECOND)
    assert groups(a, b) == [["a", "b"]]
    assert groups(b, a) == [["a", "b"]]
    assert groups(a, entry("b", mjd=START_MJD + 1.1 * SECOND)) == [["a"], ["b"]]
    assert groups(a, entry("b", mode="WFM-AO-E")) == [["b"], ["a"]]
    assert groups(a, b, fields=[0, 1]) == [["a"], ["b"]]


def test_a_chain_of_starts_a_second_apart_is_one_group():
    chain = [entry(name, mjd=START_MJD + k * SECOND) for k, name in enumerate("abc")]
    assert groups(*chain) == [["a", "b", "c"]]


def test_what_has_no_epoch_is_in_no_group():
    assert groups(entry("a"), entry("b", error=NoEpoch("no start"))) == [["a"]]
    nothing = entry("b")
    assert groups(entry("a"), same_light.replace(nothing, exposure=None)) == [["a"]]


GOOD = {"n_samples": 1000.0}


@pytest.mark.parametrize(
    ("worse", "better", "virtue"),
    [
        ({"why_not": "cut", **GOOD}, GOOD, "can be measured"),
        ({"combined": True, **GOOD}, GOOD, "is the single exposure"),
        ({"n_samples": 980.0}, GOOD, "has more data"),
        ({"compressed": True, **GOOD}, GOOD, "is not compressed"),
        ({"n_samples": 995.0, "compressed": True}, GOOD, "is not compressed"),
    ],
)
@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_the_better_file_is_taken_whatever_it_is_called(worse, better, virtue, names):
    group = [
        Candidate(Path(f"{name}.fits"), name, **kind)
        for name, kind in zip(names, (worse, better), strict=True)
    ]
    found = {one.path: entry(one.label, path=one.path) for one in group}
    same_light._settle(group, found)
    lost, taken = (found[Path(f"{name}.fits")] for name in names)
    why = "cut; " if "why_not" in worse else ""
    assert str(lost.error) == (
        f"{names[0]}: {why}the same exposure as {names[1]} ({names[1]}), which {virtue} and is taken"
    )
    assert (lost.exposure_id, lost.exposure, lost.cube_path) == (
        names[0], None, Path(f"{names[0]}.fits")
    )  # fmt: skip
    assert taken.error is None
    assert (
        taken.note == f"of 2 files of this light {names[1]} was taken: it {virtue} (not {names[0]})"
    )


def test_of_equal_files_the_first_by_name_is_taken_and_all_others_are_named():
    group = [Candidate(Path(name), name, **GOOD) for name in "cab"]
    found = {one.path: entry(one.label) for one in group}
    same_light._settle(group, found)
    assert [name for name in "abc" if found[Path(name)].error is None] == ["a"]
    assert found[Path("a")].note == (
        "of 3 files of this light a was taken: it comes first by name (not c, b)"
    )


def test_what_decided_first_is_what_is_said_of_the_best():
    group = [
        Candidate(Path("a"), "a", why_not="cut"),
        Candidate(Path("b"), "b", n_samples=10.0),
        Candidate(Path("c"), "c", n_samples=20.0),
    ]
    found = {one.path: entry(one.label) for one in group}
    same_light._settle(group, found)
    assert "it can be measured (not a, b)" in found[Path("c")].note
    assert "which can be measured" in str(found[Path("a")].error)
    assert "which has more data" in str(found[Path("b")].error)


def test_two_lights_under_one_identity_go_by_their_file_names():
    first, second = entry("same"), entry("same", mjd=START_MJD + 1.0)
    paths = [Path("x.fits"), Path("y.fits")]
    found = without_copies(
        dict(zip(paths, (first, second), strict=True)),
        {path: path.name for path in paths},
        dict.fromkeys(paths, 0),
    )
    assert [found[path].exposure_id for path in paths] == ["same", "y.fits"]
    assert found[paths[1]].exposure.exposure_id == "y.fits"


def test_a_file_without_an_epoch_takes_nobody_s_identity():
    paths = [Path("x.fits"), Path("y.fits")]
    first = entry("same", error=NoEpoch("no start"))
    found = without_copies(
        dict(zip(paths, (first, entry("same")), strict=True)),
        {path: path.name for path in paths},
        dict.fromkeys(paths, 0),
    )
    assert [found[path].exposure_id for path in paths] == ["same", "same"]


def test_copies_on_disk_are_compared_by_what_they_hold(tmp_path):
    paths = [tmp_path / "a.fits", tmp_path / "b.fits"]
    small_cube(paths[0], shape=(8, 20, 24), value=np.nan)
    small_cube(paths[1], shape=(8, 20, 24))
    entries = {path: entry(path.stem, path=path) for path in paths}
    found = without_copies(entries, {p: p.name for p in paths}, dict.fromkeys(paths, 0))
    assert "which has more data and is taken" in str(found[paths[0]].error)
    assert found[paths[1]].error is None


def test_a_copy_that_cannot_be_read_is_not_taken(tmp_path):
    path = tmp_path / "a.fits"
    path.write_bytes(b"SIMPLE")
    one = same_light._candidate(path, entry("a", path=path), "a.fits")
    assert one.why_not
    assert not one.why_not.startswith("a.fits: ")
    known = same_light._candidate(path, entry("a", error=CubeUnreadable("cut")), "a.fits")
    assert known.why_not == "cut"


def test_samples_are_counted_in_three_layers_with_data_and_variance():
    data = np.ones((9, 4, 5))
    stat = np.ones((9, 4, 5))
    dq = np.zeros((9, 4, 5), int)
    data[2, 0, 0], stat[4, 0, :2], dq[6, 1, 1] = np.nan, 0.0, 4
    cube = SimpleNamespace(data=data, stat=stat, fill=None, dq=dq)
    assert same_light._n_samples(cube) == pytest.approx((19 + 18 + 19) / 3 * 9)
    cube.dq = None
    assert same_light._n_samples(cube) == pytest.approx((19 + 18 + 20) / 3 * 9)
    data[6, 2] = -7.0
    cube.fill = -7.0
    assert same_light._n_samples(cube) == pytest.approx((19 + 18 + 15) / 3 * 9)


def test_starts_are_compared_in_seconds_of_days_of_86400():
    for seconds, n_groups in ((1.00099, 1), (1.00101, 2)):
        late = entry("B", mjd=START_MJD + seconds / 86400)
        entries = {Path("a"): entry("A", mjd=START_MJD), Path("b"): late}
        assert len(same_light._groups(entries, dict.fromkeys(entries, 0))) == n_groups

"""Parts of a campaign on one folder, at once or one after another, are the campaign."""

import subprocess
import sys

import pytest

from pipeline.config.paths import ROOT
from pipeline.errors import ConfigError, WorkspaceError
from pipeline.workflow.products import exclusive
from pipeline.workflow.shards import Shard
from tests.reliability.cubes import tables_of, write_config


def command(folder, work, *options):
    return [
        sys.executable, str(ROOT / "build_report.py"), "--source", "cubes", "--jobs", "1",
        "--cubes", str(folder / "cubes"), "--config", str(folder / "report.toml"),
        "--work", str(work), "--until", "statistics", *options,
    ]  # fmt: skip


def test_the_parts_are_disjoint_and_together_everything():
    items = list(range(11))
    parts = [Shard(number, 4).part(items) for number in range(1, 5)]
    assert sorted(item for part in parts for item in part) == items
    assert Shard(1, 1).part(items) == items
    assert Shard(5, 9).part(items[:3]) == []


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "1", "1/0", "a/b", "-1/3", "1/3/5", "1 / 3"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(ConfigError, match="I/N is expected"):
        Shard.parse(text)
    assert Shard.parse("3/10") == Shard(3, 10)


def test_shards_share_a_folder_with_each_other_and_with_nobody_else(tmp_path):
    with (
        exclusive(tmp_path, shared=True),
        exclusive(tmp_path, shared=True),
        pytest.raises(WorkspaceError, match="in use"),
        exclusive(tmp_path),
    ):
        pass
    with (
        exclusive(tmp_path),
        pytest.raises(WorkspaceError, match="in use"),
        exclusive(tmp_path, shared=True),
    ):
        pass


@pytest.mark.slow
@pytest.mark.usefixtures("cubes")
def test_three_shards_at_once_and_a_last_run_give_the_bytes_of_one_run(tmp_path):
    write_config(tmp_path)
    shards = [
        subprocess.Popen(
            command(tmp_path, tmp_path / "work", "--shard", f"{number}/3"),
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in (1, 2, 3)
    ]
    for shard in shards:
        _, said = shard.communicate(timeout=300)
        assert shard.returncode == 0, said
    measured = tables_of(tmp_path / "work")
    assert sum(name.endswith("measurement.fits") for name in measured) == 4
    assert not any("summary" in name for name in measured)
    for work in ("work", "whole"):
        done = subprocess.run(
            command(tmp_path, tmp_path / work), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    gathered, whole = (tables_of(tmp_path / name) for name in ("work", "whole"))
    assert gathered == whole
    assert {name: gathered[name] for name in measured} == measured

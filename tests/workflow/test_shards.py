"""Parts of a campaign, and what one run after another does first."""

import fcntl
import logging

import pytest

from pipeline.errors import ConfigError
from pipeline.workflow import shards
from pipeline.workflow.shards import Shard, one_at_a_time


def test_a_part_is_every_nth_item_from_its_own_number_on():
    assert Shard.parse("1/3").part(range(7)) == [0, 3, 6]
    assert Shard.parse("3/3").part(range(7)) == [2, 5]
    assert Shard.parse("1/1").part("abc") == ["a", "b", "c"]
    assert str(Shard.parse("3/10")) == "3/10"


@pytest.mark.parametrize("text", ["0/3", "4/3", "1/0", "01/3", "1", "1/2/3", "-1/3", "1/1000000"])
def test_what_is_no_part_is_refused_with_the_form(text):
    with pytest.raises(ConfigError, match="I from 1 to N, as in 3/10"):
        Shard.parse(text)


def test_who_comes_second_waits_says_so_once_and_goes_on(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "pipeline")
    with one_at_a_time(tmp_path / "new", "chooses the reference"):
        slept = []
        first = (tmp_path / "new" / ".turn").open(
            "w"
        )  # another run, as soon as this one is through

        def sleep(seconds):
            slept.append(seconds)
            if len(slept) == 3:
                first.close()

        assert (tmp_path / "new" / ".turn").exists()
    fcntl.flock(first, fcntl.LOCK_EX)
    monkeypatch.setattr(shards.time, "sleep", sleep)
    with one_at_a_time(tmp_path / "new", "chooses the reference"):
        assert slept == [0.5] * 3
    assert caplog.messages == ["waiting for another shard, which chooses the reference"]


def test_where_locks_are_not_supported_nobody_waits(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(shards.fcntl, "flock", flock)
    with one_at_a_time(tmp_path, "chooses"):
        entered = True
    assert entered

"""Digests of source files are kept from run to run, and never when the file changed."""

import json
import os
import sys

import pytest

from pipeline.workflow import source_digests
from pipeline.workflow.source_digests import file_digests, source_digest

KEPT = "__pycache__/digests.json"


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "__pycache__").mkdir()
    path = tmp_path / "module.py"
    path.write_text("x = 1\n")
    return path


@pytest.fixture
def parsed(monkeypatch):
    """Contents that were parsed."""
    seen = []

    def counted(content, suffix):
        seen.append(content)
        return source_digest(content, suffix)

    monkeypatch.setattr(source_digests, "source_digest", counted)
    return seen


def test_a_file_is_parsed_once(module, parsed):
    first = file_digests([module])
    assert file_digests([module]) == first == [source_digest(b"x = 1\n", ".py")]
    assert parsed == [b"x = 1\n"]


def test_a_changed_file_is_parsed_again_even_if_its_size_is_the_same(module, parsed):
    first = file_digests([module])
    before = module.stat().st_mtime_ns
    module.write_text("x = 2\n")
    os.utime(module, ns=(before + 1, before + 1))
    assert file_digests([module]) == [source_digest(b"x = 2\n", ".py")] != first
    assert len(parsed) == 2


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", '{"rule": 1}', '{"files": {"module.py": [6, 1, "wrong"]}}'],
)
def test_damaged_records_are_not_trusted(module, damage):
    file_digests([module])
    (module.parent / KEPT).write_text(damage)
    assert file_digests([module]) == [source_digest(b"x = 1\n", ".py")]


def test_records_of_another_rule_are_not_trusted(module):
    file_digests([module])
    record = json.loads((module.parent / KEPT).read_text())
    record["rule"] += "!"
    record["files"]["module.py"][2] = "wrong"
    (module.parent / KEPT).write_text(json.dumps(record))
    assert file_digests([module]) == [source_digest(b"x = 1\n", ".py")]


def test_nothing_is_written_where_python_keeps_no_bytecode(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("x = 1\n")
    assert file_digests([path]) == [source_digest(b"x = 1\n", ".py")]
    assert list(tmp_path.iterdir()) == [path]

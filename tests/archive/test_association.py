"""Association trees: read whole, trusted in nothing."""

import resource
import subprocess
import sys
import time

import pytest

from pipeline.errors import AssociationRefused
from pipeline.muse.association import MAX_BYTES, AssociationTree, parse_tree, tree_xml
from tests.archive.server import spoil_tree
from tests.archive.world import COUNTS, STATICS, World

WORLD = World().night("2019-03-09", "WFM-AO-N")
TREE = WORLD.tree(WORLD.last_science)


def test_a_tree_is_read_with_every_file_its_tag_and_its_flags():
    tree = parse_tree(TREE)
    assert tree.mode == "Raw2Raw"
    assert [file.category for file in tree.root.files] == ["OBJECT"]
    (standard,) = tree.standards()
    assert [file.name for file in standard.files] == [WORLD.last_standard]
    assert (standard.complete, standard.certified, standard.match) == (True, True, "calib_plan")
    names = {file.name for file in standard.all_files()}
    assert names == WORLD.needed(WORLD.last_standard)
    tags = [file.category for file in standard.all_files()]
    assert {tag: tags.count(tag) for tag in COUNTS} == COUNTS
    assert standard.missing() == ()


def test_the_group_and_the_tag_are_different_words():
    groups = {group.category: group for group in parse_tree(TREE).root.walk()}
    assert {file.category for file in groups["LAMP_FLAT"].files} == {"FLAT"}
    assert {file.category for file in groups["SKY_FLAT"].files} == {"SKYFLAT"}


def test_a_tree_that_is_written_reads_back_unchanged():
    tree = parse_tree(TREE)
    assert parse_tree(tree_xml(tree)) == tree
    (standard,) = tree.standards()
    assert parse_tree(tree_xml(AssociationTree("Raw2Raw", standard))).root == standard


def test_messages_are_read_from_the_attribute_and_from_the_text():
    text = (
        b'<association category="X" mode="Raw2Raw"><mainFiles/><messages><message text="one"/>'
        b"<message> two </message></messages><associatedFiles/></association>"
    )
    assert parse_tree(text).root.messages == ("one", "two")
    assert not parse_tree(text).root.complete  # what is not said to be complete is not


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("entities", "declares a document type"),
        ("path", "not a plain archive name"),
        ("deep", "nested deeper"),
        ("huge", f"the limit is {MAX_BYTES}"),
    ],
)
def test_a_hostile_tree_is_refused_in_little_time_and_memory(fault, words):
    document = spoil_tree(TREE, fault)
    assert fault != "huge" or len(document) > 50e6
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    with pytest.raises(AssociationRefused, match=words):
        parse_tree(document)
    assert time.process_time() - started < 0.5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB


EXTERNAL = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
PARAMETER = b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]>'
DTD = b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">'


@pytest.mark.parametrize("head", [EXTERNAL, PARAMETER, DTD])
def test_external_references_are_refused_unread(head):
    with pytest.raises(AssociationRefused, match="declares a document type"):
        parse_tree(head + b'<association mode="Raw2Raw">&x;</association>')


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_another_encoding_hides_nothing(encoding):
    text = EXTERNAL.decode() + "<association>&x;</association>"
    with pytest.raises(AssociationRefused, match="declares a document type"):
        parse_tree(text.encode(encoding))


@pytest.mark.parametrize(
    "name",
    ["../../x", "/etc/passwd", "..", ".hidden", "a/b", "a\\b", "", "a..b", "MUSE.x\n", "x" * 200,
     "MUSE.2019\u2215x", "a b", "x.", "%2e%2e%2fx"],
)  # fmt: skip
def test_a_name_that_is_not_plain_refuses_the_tree(name):
    document = TREE.decode().replace(STATICS["LINE_CATALOG"], name.replace("\n", "&#10;"))
    with pytest.raises(AssociationRefused, match="not a plain archive name"):
        parse_tree(document.encode())


@pytest.mark.parametrize(
    "document",
    [b"", b"\0", b"<association", b"<html><body>Please log in</body></html>", TREE[:-30],
     b'<?xml version="1.0" encoding="nonsense"?><association/>', b"\xff\xfe<"],
)  # fmt: skip
def test_what_is_not_a_tree_is_refused(document):
    with pytest.raises(AssociationRefused):
        parse_tree(document)


@pytest.mark.parametrize(
    "entry", [b"<association/>", b'<file name="a" category="b"/>', b"<message/>"]
)
def test_a_tree_of_a_million_entries_is_refused_early(entry):
    document = b"<association>" + entry * (MAX_BYTES // len(entry) - 2) + b"</association>"
    started = time.process_time()
    with pytest.raises(AssociationRefused, match="more than 20000 entries"):
        parse_tree(document)
    assert time.process_time() - started < 0.5


@pytest.mark.slow
def test_a_long_message_of_many_pieces_takes_linear_time():
    document = b"<association><messages><message>" + b"a\n&lt;" * 1_000_000
    started = time.process_time()
    parse_tree(document + b"</message></messages></association>")
    assert time.process_time() - started < 5


def test_an_entity_bomb_stays_within_a_small_process():
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30));"
        "from pipeline.muse.association import parse_tree\n"
        "try: parse_tree(sys.stdin.buffer.read())\n"
        "except Exception as error: print(type(error).__name__)"
    )
    bomb = spoil_tree(TREE, "entities")
    done = subprocess.run(
        [sys.executable, "-c", script], input=bomb, capture_output=True, timeout=60, check=True
    )
    assert done.stdout == b"AssociationRefused\n"

"""What code does enters every key, what it says about itself does not."""

import os

import pytest
from astropy.io import fits

from pipeline.workflow.digests import code_digest, fingerprint
from pipeline.workflow.source_digests import source_digest
from tests.muse.cubes import small_cube

PYTHON = b"""
def area(radius):
    return 3 * radius ** 2
"""


@pytest.mark.parametrize(
    "text",
    [
        b'"""Circles."""\n' + PYTHON,
        PYTHON.replace(b"    return", b'    """Of a circle."""\n    return'),
        PYTHON.replace(b"    return", b"    # of a circle\n    return"),
        PYTHON.replace(b"3 * radius ** 2", b"(3\n        * radius**2)"),
        PYTHON.replace(b"\n", b"\r\n"),
    ],
)
def test_docstrings_comments_and_layout_do_not_count(text):
    assert source_digest(text, ".py") == source_digest(PYTHON, ".py")


@pytest.mark.parametrize(
    "text",
    [
        PYTHON.replace(b"3", b"4"),
        PYTHON.replace(b"3", b"3.0"),
        PYTHON.replace(b"**", b"*"),
        PYTHON.replace(b"radius", b"r"),
        PYTHON.replace(b"(radius)", b"(radius: int)"),
        PYTHON.replace(b"(radius)", b"(radius, *, half=None)"),
        PYTHON.replace(b"    return", b"    print()\n    return"),
        PYTHON + b"\nNAME = ''\n",
        b"",
    ],
)
def test_every_change_of_what_is_done_counts(text):
    assert source_digest(text, ".py") != source_digest(PYTHON, ".py")


def test_texts_that_are_used_count():
    one, other = b"x = 'a'", b"x = 'b'"
    assert source_digest(one, ".py") != source_digest(other, ".py")
    assert source_digest(b"x = b'a'", ".py") != source_digest(one, ".py")


def test_python_that_cannot_be_parsed_counts_with_every_byte():
    assert source_digest(b"def", ".py") != source_digest(b"def ", ".py")


def test_comments_of_c_do_not_count_and_comment_signs_in_texts_do():
    plain = b'char *s = "a"; int n = 1;'
    assert source_digest(b'char *s = "a";/* text\n * more */int n = 1;', ".c") == source_digest(
        b'char *s = "a"; int n = 1;// end'.replace(b"// end", b""), ".c"
    )
    assert source_digest(plain + b"// end", ".c") == source_digest(plain + b" ", ".c")
    assert source_digest(b'char *s = "/* a */";', ".c") != source_digest(b'char *s = " ";', ".c")


def test_a_folder_counts_with_every_source_file_and_its_name():
    assert code_digest("pipeline/muse") != code_digest("pipeline/muse/cube.py")
    assert code_digest("pipeline/muse") == code_digest("pipeline/muse", "pipeline/muse/cube.py")
    assert code_digest("kdmatch") != code_digest("kdmatch/__init__.py")


def test_the_fingerprint_sees_every_card_of_every_header(tmp_path):
    path = tmp_path / "cube.fits"
    small_cube(path, shape=(25, 60, 60))
    seen = {fingerprint(path)}
    for name, key in ((0, "EXPTIME"), ("DATA", "CRVAL3"), ("STAT", "CRVAL3"), ("STAT", "BUNIT")):
        with fits.open(path, mode="update") as hdus:
            value = hdus[name].header[key]
            hdus[name].header[key] = value + 1 if not isinstance(value, str) else "x" * len(value)
        found = fingerprint(path)
        assert found not in seen, (name, key)
        seen.add(found)


def test_the_fingerprint_of_another_file_than_fits_is_that_of_its_blocks(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(os.urandom(100))
    first = fingerprint(path)
    path.write_bytes(path.read_bytes()[:-1] + b"\0\0")
    assert fingerprint(path) != first


def test_the_fingerprint_sees_the_first_and_the_last_byte(tmp_path):
    path = tmp_path / "data"
    content = bytes(200_000)
    found = set()
    for place in (None, 0, len(content) - 1):
        changed = bytearray(content)
        if place is not None:
            changed[place] = 1
        path.write_bytes(changed)
        found.add(fingerprint(path))
    assert len(found) == 3


def test_how_a_text_is_written_does_not_count():
    assert source_digest(b"x = u'a'", ".py") == source_digest(b'x = "a"', ".py")
    assert source_digest(b"def f(): return None", ".py") != source_digest(b"def f(): return", ".py")

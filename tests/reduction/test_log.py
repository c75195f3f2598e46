"""The log page tells what happened and is harmless whatever a header or a log holds."""

from pipeline.reduction.evidence import last_words, log_lines
from pipeline.reduction.log import log_page

RECORD = {
    "call": "flat-0123456789-12",
    "recipe": "muse_flat",
    "channel": 12,
    "provenance": {"pipeline": "muse/2.8.7", "recipe": "muse_flat"},
    "parameters": {"nsum": "16"},
    "inputs": {"000 FLAT MUSE.x": "ab" * 32},
    "qc": {"ESO QC FLAT": "<script>alert(1)</script>"},
    "warnings": ["a | b"],
    "wall_s": 12.0,
    "cpu_s": 11.0,
    "peak_rss_mb": 890.0,
    "error_type": "",
    "error": "",
}
LOG = """07:37:30 [WARNING] : [tid=000] Unable to open directory /usr/lib/cpl/plugins
07:37:31 [WARNING] muse_flat: [tid=000] Something odd
07:37:32 [WARNING] muse_flat: [tid=000] Something odd
07:37:33 [ INFO  ] muse_flat: [tid=000] All well
07:37:34 [ ERROR ] muse_flat: [tid=000] CHIP information does not match
"""


def test_the_page_names_recipe_cost_parameters_and_inputs():
    page = log_page("MUSE.x", [RECORD])
    assert "| muse&#95;flat | 12 | 12.0 | 11.0 | 890 | 1 |" in page
    assert "nsum = 16" in page
    assert "ab" * 8 in page
    assert "Recipes of muse/2.8.7." in page


def test_nothing_from_outside_becomes_markup():
    page = log_page("MUSE.x", [RECORD], error="<b>bad</b>")
    assert "<script" not in page
    assert "<b>" not in page
    assert "a &#124; b" in page


def test_warnings_are_counted_and_those_of_every_call_left_out():
    assert log_lines(LOG, "WARNING") == ("muse_flat: Something odd (2 times)",)


def test_the_reason_of_a_failure_is_its_last_error():
    assert last_words(LOG, "nothing") == "muse_flat: CHIP information does not match"
    assert last_words("", "An unspecified error (1)\n") == "An unspecified error (1)"

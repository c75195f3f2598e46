"""Numbers and foreign text as pages print them."""

import html
import math

import markdown
import pytest

from pipeline.report.text import (
    counted,
    decimals,
    escape_text,
    fixed,
    per_cent_with_interval,
    plot_text,
    probability,
    reported_value,
    significant,
    size_of,
    slug,
    with_error,
)
from pipeline.schema.definitions import reported
from pipeline.schema.results import Interval
from tests.report.factory import HOSTILE


@pytest.mark.parametrize(
    ("value", "error", "printed"),
    [
        (0.0483, 0.0047, "0.0483 ± 0.0047"),
        (4.5, 0.123, "4.50 ± 0.12"),
        (-0.356, 0.0996, "−0.36 ± 0.10"),
        (1234.5, 25.0, "1234 ± 25"),
        (0.0266, 0.3, "0.0266 ± 0.30"),
        (1.5, 2e-8, "1.500000000 ± 0.000000020"),
        (1.5, 2e-9, "1.50000 ± 2.0 × 10⁻⁹"),
        (0.5, math.nan, "0.500"),
        (math.nan, 0.1, "–"),
        (0.0, 0.0, "0"),
        (1.23456, 0.0, "1.23"),
        (1.23456, -1.0, "1.23"),
        (2.0, 2.0, "2.0 ± 2.0"),
        (12.0, 9.96, "12 ± 10"),
        (0.00001, 0.1, "1.00 × 10⁻⁵ ± 0.10"),
    ],
)
def test_a_value_keeps_two_digits_of_its_error(value: float, error: float, printed: str) -> None:
    assert with_error(value, error) == printed


@pytest.mark.parametrize(
    ("value", "printed"),
    [(0.00191, "0.0019"), (1.1e-5, "1.1 × 10⁻⁵"), (0.73, "0.73"), (0.0, "0")],
)
def test_small_probabilities_get_a_power_of_ten(value: float, printed: str) -> None:
    assert probability(value) == printed


def test_a_number_without_a_word_on_digits_has_three() -> None:
    assert significant(1.23456) == "1.23"
    assert significant(123456.0) == "123456"
    assert significant(1234567.0) == "1.23 × 10⁶"
    assert significant(0.0001234) == "0.000123"
    assert significant(0.00001234) == "1.23 × 10⁻⁵"


def test_zero_has_no_sign_and_minus_is_a_minus() -> None:
    assert fixed(-0.0001, 2) == "0.00"
    assert fixed(-0.5, 1, sign=True) == "−0.5"
    assert fixed(0.5, 1, sign=True) == "+0.5"
    assert significant(-1234.567, 3) == "−1235"


def test_digits_are_counted_after_rounding() -> None:
    assert significant(0.9996) == "1.00"
    assert significant(999999.0, 7) == "999999.0"
    assert significant(9.999e5) == "1.00 × 10⁶"
    assert significant(0.0001) == "0.000100"
    assert significant(12.3456, 1) == "12"
    assert significant(math.inf) == "–"


def test_a_number_without_a_word_on_decimals_has_three_and_no_plus() -> None:
    assert fixed(1.5) == "1.500"
    assert fixed(math.nan) == fixed(math.inf) == "–"
    assert fixed(0.0, 1, sign=True) == "0.0"


@pytest.mark.parametrize(
    ("value", "bounds", "printed"),
    [
        (0.0364, Interval(low95=0.0312, high95=0.0438), "3.6 % (95 %: 3.1 to 4.4)"),
        (0.0364, Interval(low95=0.0312), "3.6 %"),
        (0.0364, Interval(high95=0.0438), "3.6 %"),
        (math.nan, Interval(low95=0.0312, high95=0.0438), "–"),
    ],
)
def test_a_fraction_in_per_cent_states_its_interval_if_both_ends_are_known(
    value: float, bounds: Interval, printed: str
) -> None:
    number = reported("stability_floor", value, source="scatter", interval=bounds, note="n")
    assert per_cent_with_interval(number) == printed


def test_a_count_is_printed_as_a_whole_number() -> None:
    assert reported_value(reported("n_exposures.ok", 65.0, source="exposures")) == "65"
    floor = reported("slow_timescale", 45.3, source="a fit", n_stars=5, n_channels=5,
                     interval=Interval(7.9))  # fmt: skip
    assert reported_value(floor) == "45.3 ± 7.9"


@pytest.mark.parametrize(
    ("value", "error", "digits"),
    [(0.0448, 0.0036, 4), (45.3, 7.9, 1), (128.0, 24.0, 0), (128.0, 240.0, None), (1.5, 2e-8, 9),
     (1.5, 2e-9, None), (0.0, 0.0, None), (1.0, math.nan, None)],
)  # fmt: skip
def test_an_interval_has_the_decimals_of_its_value(
    value: float, error: float, digits: int | None
) -> None:
    assert decimals(value, error) == digits


def test_sizes_are_for_people() -> None:
    sizes = {
        999: "999 B", 1000: "1 kB", 20_400: "20 kB", 999_999: "1000 kB", 1_000_000: "1.0 MB",
        2_440_000: "2.4 MB",
    }  # fmt: skip
    assert {n: size_of(n) for n in sizes} == sizes


@pytest.mark.parametrize(
    "text",
    [
        HOSTILE,
        "<b>x</b>",
        "# heading",
        "a | b",
        "[x](javascript:alert(1))",
        "**bold** _it_ `code`",
        "{{ jinja }}",
        "![i](x.png)",
        "<!-- c -->",
        "~~~",
        "&lt;",
    ],
)
@pytest.mark.parametrize("frame", ["{}", "<p>{}</p>", "Text {} text", "## {} {{ #id }}"])
def test_foreign_text_survives_markdown_as_text(text: str, frame: str) -> None:
    rendered = markdown.markdown(
        frame.format(escape_text(text)), extensions=["attr_list", "md_in_html", "tables"]
    )
    seen = html.unescape(rendered.replace("<p>", "").replace("</p>", ""))
    flat = " ".join(text.split())
    assert flat in " ".join(seen.split())
    # no element but those of the frame
    body = rendered.replace("&lt;", "").replace("<p>", "").replace("</p>", "")
    body = body.replace('<h2 id="id">', "").replace("</h2>", "")
    assert "<" not in body


def test_control_and_bidirectional_characters_do_not_reach_the_page() -> None:
    assert escape_text("a\u202eb\nc\x00d") == "a b c d"
    assert "\n" not in plot_text("a\nb")


def test_plot_labels_cannot_hold_tags() -> None:
    assert plot_text("<a href='x'>y</a>") == "&lt;a href='x'&gt;y&lt;/a&gt;"


def test_a_slug_is_a_safe_anchor() -> None:
    assert slug('MUSE.2019-03-11T02:32:18.829 <"x">') == "muse.2019-03-11t02-32-18.829-x"
    assert slug("../../etc") == "etc"
    assert slug("###") == "x"


def test_things_are_counted_in_words_that_agree():
    assert [counted(n, "exposure") for n in (0, 1, 2)] == [
        "0 exposures",
        "1 exposure",
        "2 exposures",
    ]

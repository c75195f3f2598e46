"""Numbers and foreign text as the pages print them.

Text that comes from data (a target name, a reason, a file name) is hostile until shown otherwise:
``escape_text`` makes it plain text in HTML and in Markdown alike, ``plot_text`` in a Plotly label.
"""

import math
import re

from markupsafe import Markup

from pipeline.schema.results import ReportedValue

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"  # a missing value in a table cell
COUNT = "N"  # symbol of every count
MOST_DECIMALS = 9  # beyond, an error is written with a power of ten

# What HTML or Python-Markdown could take for markup, inline or at the start of a line.
_SPECIAL = re.compile(r"[\\`*_\[\]()<>&\"'#|!~^={}$+@:]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")


def escape_text(text: object) -> Markup:
    """The text as character references: the reader sees it as it is, no parser acts on it.

    Line breaks, control and bidirectional characters become a space, so that a value can neither
    start a Markdown block nor reorder what stands beside it.
    """
    if isinstance(text, Markup):
        return text
    return Markup(_SPECIAL.sub(lambda match: f"&#{ord(match[0])};", one_line(text)))


def one_line(text: object) -> str:
    """The text without line breaks, control and bidirectional characters."""
    return _CONTROL.sub(" ", str(text))


def plot_text(text: object) -> str:
    """The text for a Plotly label, whose pseudo-HTML knows tags and character references."""
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def slug(text: str) -> str:
    """An anchor or file name: lower-case letters, digits, dots and single hyphens."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.") or "x"


def fixed(value: float, digits: int = 3, sign: bool = False) -> str:
    """The value with that many decimals, a true minus sign, an en dash for NaN."""
    if not math.isfinite(value):
        return NOTHING
    text = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    if float(text) == 0.0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def significant(value: float, digits: int = 3) -> str:
    """The value with that many significant digits; powers of ten only where they save zeros."""
    if not math.isfinite(value):
        return NOTHING
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}"))))
    if -4 <= exponent < 6:
        return fixed(value, max(0, digits - 1 - exponent))
    mantissa = fixed(value / 10.0**exponent, digits - 1)
    return f"{mantissa} \N{MULTIPLICATION SIGN} 10{superscript(exponent)}"


def per_cent_with_interval(number: ReportedValue) -> str:
    """A fraction in per cent with its 95 % interval: "3.6 % (95 %: 3.1 to 4.4)"."""
    if not math.isfinite(number.value):
        return NOTHING
    said = f"{fixed(100 * number.value, 1)} %"
    if math.isfinite(number.low95) and math.isfinite(number.high95):
        said += f" (95 %: {fixed(100 * number.low95, 1)} to {fixed(100 * number.high95, 1)})"
    return said


def decimals(value: float, error: float) -> int | None:
    """Decimals of a value that keeps two digits of its error; None where they say nothing."""
    if not (math.isfinite(error) and 0 < error <= abs(value)):
        return None
    digits = max(0, 1 - math.floor(math.log10(float(f"{error:.1e}"))))
    return digits if digits <= MOST_DECIMALS else None


def reported_value(number: ReportedValue) -> str:
    """A reported value with its error; a count is a whole number."""
    if number.symbol == COUNT and math.isfinite(number.value):
        return f"{number.value:.0f}"
    return with_error(number.value, number.uncertainty)


def with_error(value: float, error: float, fallback_digits: int = 3) -> str:
    """Value and 1 sigma, both rounded to two significant digits of the error.

    Where the error is larger than the value, the value keeps digits of its own.
    """
    if not math.isfinite(value):
        return NOTHING
    if not (math.isfinite(error) and error > 0):
        return significant(value, fallback_digits)
    if error > abs(value):
        return f"{significant(value, fallback_digits)} ± {significant(error, 2)}"
    digits = decimals(value, error)
    if digits is None:
        return f"{significant(value, 6)} ± {significant(error, 2)}"
    return f"{fixed(value, digits)} ± {fixed(error, digits)}"


def counted(number: int, noun: str) -> str:
    """A number of things: one exposure, two exposures."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def probability(p: float) -> str:
    """A p value with two significant digits."""
    return f"{significant(p, 2)}"


def size_of(n_bytes: int) -> str:
    """A file size for people: kB and MB are powers of ten."""
    if n_bytes < 1000:
        return f"{n_bytes} B"
    if n_bytes < 1_000_000:
        return f"{n_bytes / 1000:.0f} kB"
    return f"{n_bytes / 1_000_000:.1f} MB"


def superscript(number: int) -> str:
    """A whole number set as an exponent."""
    return str(number).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))

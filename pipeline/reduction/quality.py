"""What a recipe's quality control is worth: every gate a row with value, limit and verdict."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from pipeline.errors import CalibrationRejected
from pipeline.muse.geometry import N_CHANNELS
from pipeline.muse.wavelengths import SliceWavelengths, slice_wavelengths
from pipeline.reduction.gates import ANY, GATES, N_SLICES, Gate, Range, Statistic

Verdict = Literal["ok", "warn", "reject"]
PREFIX = "ESO QC "
# A solution against the observed wavelengths of its channel, which moved by at most 0.09 Angstrom in
# two days. Another epoch may differ, so that only a slice of which nothing is where it was is refused.
SLICE_LIMITS: tuple[Range, Range] = ((-1.0, 1.0), (-30.0, 30.0))
CHANNEL_LIMITS: tuple[Range, Range] = ((-1.5, 1.5), (-60.0, 60.0))
TILT_LIMITS: tuple[Range, Range] = ((-1.5, 1.5), (-20.0, 20.0))
ALIKE_AA = 0.5  # median deviation of slices from those of a channel that is recognised by them


@dataclass(frozen=True)
class QualityCheck:
    """One quantity of a product held against its limits."""

    recipe: str
    keyword: str  # of the header, after "ESO QC "; # stands for a number
    meaning: str
    statistic: str
    value: float  # the one farthest from what is accepted; NaN: the product does not say
    low: float  # the limits that decided: of acceptance without a word, or of rejection
    high: float
    verdict: Verdict
    unit: str = ""
    n: int = 1  # values that entered

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        told = "not told" if math.isnan(self.value) else f"{self.value:.5g}{unit}"
        return (
            f"{self.meaning}: {told}, accepted is {self.low:.5g} to {self.high:.5g}{unit} "
            f"(QC {self.keyword}, {self.statistic} of {self.n})"
        )


def check_quality(
    recipe: str, qc: Mapping[str, object], channel: int = 0
) -> tuple[QualityCheck, ...]:
    """The checks of a recipe's quality control, in the order of its gates.

    Parameters
    ----------
    qc : mapping of str to object
        Keywords ("ESO QC ...") of all products of a call.
    channel : int
        Of the products, 1 to 24; 0: not known, and recognised by the wavelengths of its slices.

    Raises
    ------
    CalibrationRejected
        If a value is so far off that the products cannot be used; the message names each, the
        attribute ``checks`` holds all of them. Recipes end well even where a lamp was missing.

    Examples
    --------
    >>> check_quality("muse_scibasic", {"ESO QC SCIBASIC LAMBDA SHIFT": 2.0})[0].verdict
    'warn'
    """
    values = _values(qc)
    gates = [gate for gate in GATES if gate.recipe == recipe]
    checks = [check for gate in gates for check in _checked_gate(gate, values)]
    if recipe == "muse_wavecal":
        checks += _against_observed(qc, channel)
    rejected = [str(check) for check in checks if check.verdict == "reject"]
    if rejected:
        error = CalibrationRejected(f"{recipe}: {'; '.join(rejected)}")
        error.checks = tuple(checks)
        raise error
    return tuple(checks)


def _checked_gate(gate: Gate, told: Mapping[str, list[float]]) -> list[QualityCheck]:
    values = np.array(told.get(_without_numbers(PREFIX + gate.keyword), []))
    summary = _summary(values, gate.statistic)
    n = len(values)
    if not n and not gate.required:
        return [] if gate.statistic != "count" else [_not_told(gate)]
    return [_judged(gate, summary, n)]


def _not_told(gate: Gate) -> QualityCheck:
    """A count of what other versions of the recipes may not write: a warning, not a judgement."""
    return _row(gate, math.nan, gate.warn, "warn", 0)


def _row(gate: Gate, value: float, limits: Range, verdict: Verdict, n: int) -> QualityCheck:
    return QualityCheck(
        recipe=gate.recipe,
        keyword=gate.keyword,
        meaning=gate.meaning,
        statistic=gate.statistic,
        value=value,
        low=limits[0],
        high=limits[1],
        verdict=verdict,
        unit=gate.unit,
        n=n,
    )


def _summary(values: np.ndarray, statistic: Statistic) -> np.ndarray:
    """The values that are held against the limits."""
    if statistic == "count":
        return np.array([float(np.isfinite(values).sum())])
    if statistic == "median" and len(values):
        return np.array([np.median(values)])
    if statistic == "spread":
        if len(values) < 2:
            return np.array([])
        return np.array([np.ptp(values) / abs(np.median(values))])
    return values


def _judged(gate: Gate, values: np.ndarray, n: int) -> QualityCheck:
    """The check of some values: the farthest from what is accepted stands for all."""
    worst = float(values[int(np.argmax(_excess(values, gate.warn)))]) if len(values) else 0.0
    verdict: Verdict = "ok"
    if _excess(worst, gate.reject) > 0:
        verdict = "reject"
    elif _excess(worst, gate.warn) > 0:
        verdict = "warn"
    low, high = gate.reject if verdict == "reject" else gate.warn
    return _row(gate, worst, (low, high), verdict, n)


def _excess(values: np.ndarray | float, limits: Range) -> np.ndarray:
    """How far values are beyond limits, 0 inside; a value that is no number is infinitely far."""
    beyond = np.maximum(np.maximum(limits[0] - values, values - limits[1]), 0.0)
    return np.where(np.isnan(beyond), np.inf, beyond)


def _values(qc: Mapping[str, object]) -> dict[str, list[float]]:
    """The values of each keyword, # for the numbers in it, in the order of the header."""
    found: dict[str, list[float]] = {}
    for key, value in qc.items():
        found.setdefault(_without_numbers(key), []).append(_number(value))
    return found


@cache
def _without_numbers(keyword: str) -> str:
    # four digits are a wavelength, no number of a slice, a lamp or a frame;
    # an underscore of the recipe's keyword is a blank in some databases
    return re.sub(r"(?<!\d)\d{1,3}(?!\d)", "#", keyword).replace("_", " ")


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _per_slice(qc: Mapping[str, object], keyword: str) -> np.ndarray:
    """The values of the slices, shape (48,); NaN where there is none."""
    keys = [f"{PREFIX}WAVECAL SLICE{number} {keyword}" for number in range(1, N_SLICES + 1)]
    return np.array([_number(qc.get(key)) for key in keys])


def _against_observed(qc: Mapping[str, object], channel: int) -> list[QualityCheck]:
    """Middle and tilt of every slice against those that were observed in its channel."""
    middle = _per_slice(qc, "WLEN")
    if not np.isfinite(middle).any():
        return []
    known, alike_aa = _observed(middle, channel)
    if alike_aa > ALIKE_AA and not channel:
        unknown = Gate(
            *("muse_wavecal", "WAVECAL SLICE# WLEN", "median", (0.0, ALIKE_AA), ANY),
            *("deviation from any known channel", "Angstrom"),
        )
        return [_judged(unknown, np.array([alike_aa]), int(middle.size))]
    shift = middle - known.middle_aa
    whole = float(np.nanmedian(shift))
    tilts = {
        "BOTTOM": _per_slice(qc, "DWLEN BOTTOM") - known.tilt_bottom_aa,
        "TOP": _per_slice(qc, "DWLEN TOP") - known.tilt_top_aa,
    }
    rows = (
        (_observed_gate("WLEN", "channel against its observed place", CHANNEL_LIMITS), whole),
        (
            _observed_gate("WLEN", "slice against the rest of its channel", SLICE_LIMITS),
            shift - whole,
        ),
        *(
            (_observed_gate(f"DWLEN {end}", "tilt against the observed one", TILT_LIMITS), values)
            for end, values in tilts.items()
        ),
    )
    return [
        _judged(gate, told, len(told))
        for gate, values in rows
        for told in [np.atleast_1d(values)[np.isfinite(np.atleast_1d(values))]]
    ]


def _observed_gate(keyword: str, meaning: str, limits: tuple[Range, Range]) -> Gate:
    return Gate("muse_wavecal", f"WAVECAL SLICE# {keyword}", "each", *limits, meaning, "Angstrom")


def _observed(middle: np.ndarray, channel: int) -> tuple[SliceWavelengths, float]:
    """Observed wavelengths of the channel, and the median deviation from them; 0: the most alike."""

    def unlike(number: int) -> float:
        deviation = middle - slice_wavelengths(number).middle_aa
        return float(np.nanmedian(np.abs(deviation - np.nanmedian(deviation))))

    numbers = [channel] if channel else range(1, N_CHANNELS + 1)
    best = min(numbers, key=unlike)
    return slice_wavelengths(best), unlike(best)

"""Gates hold real products for good and notice what is wrong with others."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from pipeline.errors import CalibrationRejected
from pipeline.muse.wavelengths import slice_wavelengths
from pipeline.reduction.gates import GATES
from pipeline.reduction.quality import check_quality
from tests.reduction.conftest import recipes_or_skip

DATA = Path(__file__).with_name("data")
QUANTILES = ("min", "p01", "median", "p99", "max")
LEVELS = (0.0, 0.01, 0.5, 0.99, 1.0)
COLUMNS = {
    "lines_ndet": "LINES NDET",
    "lines_nid": "LINES NID",
    "fit_nlines": "FIT NLINES",
    "fit_rms": "FIT RMS",
    "dwlen_bottom": "DWLEN BOTTOM",
    "dwlen_top": "DWLEN TOP",
    "fwhm_mean": "LINES FWHM MEAN",
    "resol": "RESOL",
    "wlen": "WLEN",
}
LAMPS = {
    f"ESO QC WAVECAL SLICE20 LAMP{lamp} LINES PEAK MAX": peak
    for lamp, peak in ((3, 58_000.0), (4, 40_000.0), (5, 56_000.0))
}
RECIPES = sorted({gate.recipe for gate in GATES})


def _real_solutions():
    """The 48 real wavelength solutions: (channel, quality control)."""
    table = Table.read(DATA / "wavecal_qc.ecsv", format="ascii.ecsv")
    return [
        (
            int(group["channel"][0]),
            LAMPS
            | {
                f"ESO QC WAVECAL SLICE{row['slice']} {keyword}": float(row[column])
                for row in group
                for column, keyword in COLUMNS.items()
            },
        )
        for group in table.group_by(["date_obs", "channel"]).groups
    ]


REAL = _real_solutions()


def _drawn(recipe, seed):
    """Quality control whose every value is drawn from the real range of its keyword."""
    table = Table.read(DATA / "qc_ranges.ecsv", format="ascii.ecsv")
    rng = np.random.default_rng(seed)
    drawn = {}
    for row in table[table["recipe"] == recipe]:
        for keyword in _numbered(row["keyword"]):
            drawn[keyword] = float(np.interp(rng.uniform(), LEVELS, [row[q] for q in QUANTILES]))
    return drawn


def _numbered(keyword):
    """A keyword of the ranges for every number that a product has."""
    if "LAMPn LINES" in keyword:
        return [
            f"{keyword}".replace("SLICEn", "SLICE20").replace("LAMPn", f"LAMP{n}")
            for n in (3, 4, 5)
        ]
    if "NSATURATED LAMPn" in keyword:
        return [keyword.replace("LAMPn", f"LAMP{n}") for n in (3, 4, 5)]
    counts = {"SLICEn": 48, "INPUTn": 11, "TWILIGHTn": 24}
    names = [keyword]
    for part, count in counts.items():
        names = [
            name.replace(part, part[:-1] + str(n)) if part in name else name
            for name in names
            for n in range(1, count + 1 if part in name else 2)
        ]
    if re.search(r"(MASTER|LEVEL)n", keyword):
        names = [re.sub(r"(MASTER|LEVEL)n", rf"\g<1>{n}", keyword) for n in (1, 2, 3, 4)]
    return names


def verdicts(checks):
    return {check.verdict for check in checks}


@pytest.mark.parametrize(("channel", "qc"), REAL)
def test_every_real_wavelength_solution_is_accepted_without_a_word(channel, qc):
    for known in (channel, 0):
        checks = check_quality("muse_wavecal", qc, known)
        assert verdicts(checks) == {"ok"}
        assert len(checks) >= 13


@pytest.mark.parametrize("seed", range(72))
def test_a_solution_drawn_from_the_real_ranges_is_accepted(seed):
    """Its slices are drawn one by one, so that they resemble no channel: that is said."""
    checks = check_quality("muse_wavecal", _drawn("muse_wavecal", seed))
    told = [check.meaning for check in checks if check.verdict == "warn"]
    assert told == ["deviation from any known channel"]


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name != "muse_wavecal"])
@pytest.mark.parametrize("seed", range(3))
def test_quality_control_in_the_real_ranges_is_accepted(recipe, seed):
    checks = check_quality(recipe, _drawn(recipe, seed))
    assert checks
    unusual = {check.statistic for check in checks if check.verdict == "warn"}
    assert unusual <= {"spread"}  # frames of different nights differ more than those of one


def test_every_check_is_a_row_with_value_and_limit():
    channel, qc = REAL[0]
    rows = {c.keyword + c.statistic: c for c in check_quality("muse_wavecal", qc, channel)}
    rms = rows["WAVECAL SLICE# FIT RMSmedian"]
    assert rms.value == pytest.approx(0.0214, abs=0.0005)
    assert (rms.low, rms.high, rms.unit, rms.n) == (0, 0.04, "Angstrom", 48)


def _faulty(change):
    """All real solutions with a change; (channel, quality control)."""
    return [(channel, change(dict(qc))) for channel, qc in REAL]


def _noticed(channel, qc):
    """The verdict on a solution: of the worst check."""
    found = set()
    for known in (channel, 0):
        try:
            found |= {verdicts(check_quality("muse_wavecal", qc, known)).__contains__("warn")}
        except CalibrationRejected:
            found.add("reject")
    return found


def _without_lamp(qc, n_lines, lamp):
    qc = {key: value for key, value in qc.items() if f"LAMP{lamp} " not in key}
    return {
        key: value - n_lines if key.endswith(("LINES NID", "FIT NLINES")) else value
        for key, value in qc.items()
    }


@pytest.mark.parametrize(("lamp", "n_lines"), [(3, 45), (4, 20), (5, 7)])
def test_a_missing_lamp_is_rejected(lamp, n_lines):
    for channel, qc in _faulty(lambda qc: _without_lamp(qc, n_lines, lamp)):
        assert _noticed(channel, qc) == {"reject"}


def test_a_lost_slice_is_rejected():
    def lose(qc):
        return {key: value for key, value in qc.items() if "SLICE17 " not in key}

    for channel, qc in _faulty(lose):
        assert _noticed(channel, qc) == {"reject"}


def test_a_slice_without_numbers_is_rejected():
    for channel, qc in _faulty(lambda qc: qc | {"ESO QC WAVECAL SLICE17 FIT RMS": math.nan}):
        assert _noticed(channel, qc) == {"reject"}


@pytest.mark.parametrize("shift_aa", [-2.0, 2.0])
@pytest.mark.parametrize("slices", [range(1, 49), (17,), range(1, 13)], ids=["all", "one", "stack"])
def test_a_shift_of_two_angstrom_is_noticed(shift_aa, slices):
    keys = {f"ESO QC WAVECAL SLICE{n} WLEN" for n in slices}
    shifted = _faulty(lambda qc: {k: v + shift_aa * (k in keys) for k, v in qc.items()})
    assert all(_noticed(*one) == {True} for one in shifted)


@pytest.mark.parametrize("keyword", ["DWLEN BOTTOM", "DWLEN TOP"])
def test_corners_that_are_off_by_two_angstrom_are_noticed(keyword):
    key = f"ESO QC WAVECAL SLICE30 {keyword}"
    assert all(_noticed(*one) == {True} for one in _faulty(lambda qc: qc | {key: qc[key] + 2}))


def test_a_doubled_scatter_is_noticed():
    doubled = _faulty(lambda qc: {k: v * (1 + k.endswith("FIT RMS")) for k, v in qc.items()})
    assert all(_noticed(*one) == {True} for one in doubled)


def test_a_channel_is_recognised_by_its_slices():
    """Of another channel's number, some slice is off by more than the limit."""
    for channel, qc in REAL:
        other = channel % 24 + 1
        assert "warn" in verdicts(check_quality("muse_wavecal", qc, other))


def test_the_observed_wavelengths_are_those_of_both_nights():
    for channel, qc in REAL:
        told = np.array([qc[f"ESO QC WAVECAL SLICE{n} WLEN"] for n in range(1, 49)])
        assert np.abs(told - slice_wavelengths(channel).middle_aa).max() < 0.05


BEYOND = [
    (gate, gate.reject[side] + sign * max(1e-6, 1e-6 * abs(gate.reject[side])))
    for gate in GATES
    for side, sign in ((0, -1), (1, 1))
    if gate.statistic == "each" and math.isfinite(gate.reject[side])
]


@pytest.mark.parametrize(("gate", "value"), BEYOND, ids=lambda one: getattr(one, "keyword", None))
def test_a_value_beyond_a_limit_is_rejected_with_value_and_limit(gate, value):
    qc = {"ESO QC " + gate.keyword.replace("#", "7"): value}
    with pytest.raises(CalibrationRejected, match=re.escape(gate.meaning)) as caught:
        check_quality(gate.recipe, qc)
    rows = [check for check in caught.value.checks if check.meaning == gate.meaning]
    assert [(row.value, row.low, row.high, row.verdict) for row in rows] == [
        (value, *gate.reject, "reject")
    ]


def test_a_value_that_is_no_number_is_rejected():
    with pytest.raises(CalibrationRejected, match="lamp flux"):
        check_quality("muse_flat", {"ESO QC FLAT MASTER INTFLUX": math.nan})


def test_a_trace_table_of_fewer_slices_is_rejected():
    qc = {f"ESO QC TRACE SLICE{n} MAXSLOPE": 0.001 for n in range(1, 48)}
    with pytest.raises(CalibrationRejected, match="slices traced: 47"):
        check_quality("muse_flat", qc)


def test_a_recipe_without_gates_has_no_checks():
    assert check_quality("muse_scipost_make_cube", {"ESO QC ANY": 1.0}) == ()


@pytest.mark.recipes
def test_every_gate_is_on_a_keyword_that_the_recipe_writes():
    folder = recipes_or_skip("esorex").plugins
    for gate in GATES:
        (library,) = folder.rglob(f"{gate.recipe}.so")
        known = re.sub(r"\[0-9\]\+?|\[1234\]", "#", library.read_bytes().decode("latin1"))
        assert "ESO QC " + gate.keyword in known or gate.keyword == "WAVECAL NSATURATED LAMP#"

"""The record of 2019: analytic cases, then the record itself."""

import numpy as np
import pytest

from pipeline.published.record import read_record
from pipeline.statistics.record import (
    independence,
    lag_one_correlation,
    leave_one_star_out,
    nights_of,
    snr_of_ratio,
)
from pipeline.statistics.summaries import record_statistics

PAIRS = ((2, 22), (4, 6), (15, 2), (22, 4))


def test_variance_between_and_within_nights_by_hand() -> None:
    """Two nights of two points: means 0 and 4, within each 1 about the mean."""
    found = nights_of(np.array([-1.0, 1.0, 3.0, 5.0]), np.array(["a", "a", "b", "b"]))
    assert found.within == pytest.approx(np.sqrt(4 / 2))
    assert found.f == pytest.approx(16 / 2)
    assert found.between == pytest.approx(np.sqrt((16 - 2) / 2))
    assert found.p == pytest.approx(0.1056, abs=1e-4)  # scipy.stats.f.sf(8, 1, 2)


def test_nights_that_hold_one_exposure_each_are_refused() -> None:
    with pytest.raises(ValueError, match="3 exposures in 3 nights"):
        nights_of(np.arange(3.0), np.array(["a", "b", "c"]))


def test_stars_that_vary_by_themselves_are_recovered_and_not_rejected() -> None:
    """Of 1000 exposures each standard deviation is known to 4 of its errors."""
    true = np.array([0.02, 0.03, 0.04, 0.05, 0.03])
    rng = np.random.default_rng(1)
    common = rng.standard_normal((1000, 1))
    found = independence(common + true * rng.standard_normal((1000, 5)))
    assert (np.abs(found.std - true) < 4 * found.std_err).all()
    assert found.std_err.max() < 0.003
    assert found.dof == 5
    assert found.p > 1e-3


def test_a_pattern_that_stars_share_is_rejected_and_named() -> None:
    rng = np.random.default_rng(2)
    pattern = np.array([1.0, -1.0, 1.0, -1.0, 0.0])
    shared = 0.03 * rng.standard_normal((200, 1)) * pattern
    found = independence(shared + 0.01 * rng.standard_normal((200, 5)))
    assert found.p < 1e-6
    assert abs(found.mode @ pattern) / 2 > 0.99
    assert found.mode_share > 0.8


def test_a_line_has_a_correlation_of_successive_nights() -> None:
    nights = np.arange(50).astype(str)
    order = np.argsort(nights)  # names, not dates, are sorted
    value = np.empty(50)
    value[order] = np.arange(50.0)
    assert lag_one_correlation(value, nights) > 0.9


def test_the_snr_of_a_ratio_is_that_of_its_fainter_star() -> None:
    assert snr_of_ratio(np.array([1000.0]), np.array([10.0]))[0] == pytest.approx(10, rel=1e-4)
    assert snr_of_ratio(np.array([10.0]), np.array([10.0]))[0] == pytest.approx(10 / np.sqrt(2))


def test_pairs_of_a_star_left_out_are_predicted_within_the_scatter_of_the_others() -> None:
    """20 stars whose pairs scatter by 0.2 in ln about the curve: rms 0.2, 95 % within."""
    rng = np.random.default_rng(3)
    snr = np.exp(rng.uniform(3, 7, 20))
    i, j = np.triu_indices(20, 1)
    of_ratio = snr_of_ratio(snr[i], snr[j])
    std = np.hypot(0.03, 1.4 / of_ratio) * np.exp(0.2 * rng.standard_normal(len(i)))
    found = leave_one_star_out(of_ratio, std, i, j)
    assert len(found.residual) == 2 * len(i)
    assert found.rms == pytest.approx(
        0.2, rel=0.15
    )  # 190 pairs, each predicted twice: 5 %, 3 sigma
    assert 0.9 < found.covered < 0.99
    with pytest.raises(ValueError, match="10 pairs"):
        leave_one_star_out(of_ratio[:10], std[:10], i[:10], j[:10])


@pytest.mark.slow
def test_the_record_of_2019_says_what_was_published_of_it() -> None:
    """Bounds of the task: left-out pairs to 0.38 in ln sigma, 0.90 to 0.99 of them in the interval."""
    record = read_record(blend_distance_px=10)
    found = record_statistics(record.tables, PAIRS, record.reference_exposure).tables
    pairs, findings = found["record_pairs"], found["record_findings"]
    assert len(pairs) == 10
    assert (pairs["std_between"] > pairs["std_within"]).all()
    assert (pairs["p_nights"] < 0.01).all()
    value = {(row["quantity"], row["subject"]): row for row in findings}
    assert value["independence", "all stars"]["p"] < 1e-6
    assert value["left_out_rms", "pairs known by name"]["value"] < 0.38
    assert 0.9 < value["left_out_covered", "pairs known by name"]["value"] < 0.99
    assert value["left_out_rms", "pairs known by name"]["n"] == 100
    by_mean, by_ratio = (
        value[f"floor_{k}", "all pairs"]["value"] for k in ("geometric_mean", "ratio")
    )
    assert by_ratio < 0.65 * by_mean
    (offset,) = pairs[pairs["ao_p_adjusted"] < 0.05]
    assert (offset["star_1"], offset["star_2"]) == (2, 22)
    assert offset["ao_offset"] == pytest.approx(0.019, abs=0.001)

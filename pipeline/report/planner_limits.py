"""Where pairs of the campaign scatter by more than the stability model predicts for them."""

from dataclasses import dataclass

import numpy as np

from pipeline.report.pages.answer import expected_scatter, snr_of_stars
from pipeline.report.rows import find_number, number, pair_rows, plain
from pipeline.report.text import counted, fixed
from pipeline.report.trends import flagged_stars
from pipeline.schema.results import Results

SNR_EDGES = (10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)  # of the ratio
MIN_PAIRS = 3
EXCESS = 1.3  # median measured over predicted scatter: more is no agreement
N_SIGMA = 2.0
NIGHT_DAYS = 0.5


@dataclass(frozen=True)
class FaintPairs:
    """Pairs below the SNR of the ratio from which on measured scatters agree with the prediction."""

    snr_below: float
    n_pairs: int
    measured: float  # median, as a fraction
    predicted: float  # the same

    @property
    def sentence(self) -> str:
        """What a planner must know of them."""
        pairs = counted(self.n_pairs, "pair")
        verb = "scatters" if self.n_pairs == 1 else "scatter"
        return (
            f"Faint pairs are worse: {pairs} of this field whose ratio has an SNR below "
            f"{self.snr_below:g} {verb} by {fixed(100 * self.measured, 1)} % (median). Predicted are "
            f"{fixed(100 * self.predicted, 1)} %, without a term for sky left in their apertures."
        )


def faint_pairs(results: Results) -> FaintPairs | None:
    """The pairs that scatter by more than photon noise and the floor; None if the faintest agree.

    Going from bright to faint, the limit is the first range of SNR with at least ``MIN_PAIRS`` pairs whose
    median scatter exceeds the predicted one by a factor of ``EXCESS``.
    """
    floor = find_number(results, "stability_floor")
    if floor is None or not np.isfinite(floor.value):
        return None
    snr, std = _pairs(results)
    predicted = np.sqrt(floor.value**2 + 1 / snr**2)
    for low, high in zip(SNR_EDGES[-2::-1], SNR_EDGES[:0:-1], strict=True):
        within = (snr >= low) & (snr < high)
        if within.sum() >= MIN_PAIRS and np.median(std[within] / predicted[within]) > EXCESS:
            fainter = snr < high
            return FaintPairs(
                high,
                int(fainter.sum()),
                float(np.median(std[fainter])),
                float(np.median(predicted[fainter])),
            )
    return None


def _pairs(results: Results) -> tuple[np.ndarray, np.ndarray]:
    """SNR of the ratio and scatter of each pair without a flagged star, of the record those known by name."""
    flagged = flagged_stars(results)
    if "snr_scatter" in results.tables:
        rows = results.tables["snr_scatter"]
        of = snr_of_stars(results)
        stars = [(int(row["star_1"]), int(row["star_2"])) for row in rows]
        snr = np.array([expected_snr(of.get(a, np.nan), of.get(b, np.nan)) for a, b in stars])
        known = np.array([min(pair) > 0 for pair in stars], bool)
    elif "pairs" in results.tables:
        rows = pair_rows(results)
        stars = list(zip(rows["star_1"].tolist(), rows["star_2"].tolist(), strict=True))
        snr, known = plain(rows["snr_ratio"]), np.ones(len(stars), bool)
    else:
        return np.array([]), np.array([])
    std = plain(rows["std"])
    good = known & np.isfinite(snr) & (snr > 0) & np.isfinite(std)
    good &= np.array([not flagged & set(pair) for pair in stars], bool)
    return snr[good], std[good]


def expected_snr(snr_1: float, snr_2: float) -> float:
    """SNR of the ratio of two fluxes."""
    return 1 / expected_scatter(0.0, snr_1, snr_2)


def within_night_words(results: Results) -> str:
    """What ratios do within a night where the model misses it; "" where it does not, or nothing is known."""
    table = results.tables.get("structure_function")
    if table is None:
        return ""
    within = np.flatnonzero(plain(table["lag_days"]) < NIGHT_DAYS)
    if not len(within):
        return ""
    row = table[int(within[0])]
    std, err, model = (number(row[name]) for name in ("std", "std_err", "model_std"))
    if not np.isfinite([std, err, model]).all() or std - model <= N_SIGMA * err:
        return ""
    return (
        f"Between exposures of one night, ratios of this campaign changed by {fixed(100 * std, 1)} ± "
        f"{fixed(100 * err, 1)} %, the model’s by {fixed(100 * model, 1)} %: its stars stay on their "
        "channels, and pointings differ."
    )

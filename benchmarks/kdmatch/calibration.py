"""How the stated probability compares with what unrelated catalogues do.

    python -m benchmarks.kdmatch.calibration

Wide tolerances make coincidences frequent enough to be counted. Prints a Markdown table: of unrelated pairs,
the number whose best map states a probability below p; p times the trials would be allowed.
"""

import numpy as np

import kdmatch
from benchmarks.kdmatch.settings import unrelated_pairs

CASES = ((6, 8.0, 3000), (6, 16.0, 3000), (8, 8.0, 3000), (12, 8.0, 1500), (25, 5.0, 200))
LIMITS = (0.5, 0.1, 0.01, 0.001)


def stated(reference: np.ndarray, target: np.ndarray, tolerance_px: float) -> float:
    """The probability of the best map, accepted or not; 1 without any."""
    try:
        found = kdmatch.match(
            reference,
            target,
            tolerance_px=tolerance_px,
            max_false_alarm=0.999,
            max_field_error_px=np.inf,
        )
    except kdmatch.NoMatch as error:
        return error.false_alarm_probability
    return found.false_alarm_probability


def main() -> None:
    """Print the table."""
    print("| N | tolerance px | trials | " + " | ".join(f"p < {p:g}" for p in LIMITS) + " |")
    print("|---|---|---|" + "---|" * len(LIMITS))
    for n, tolerance_px, trials in CASES:
        values = np.array(
            [stated(p.reference, p.target, tolerance_px) for p in unrelated_pairs(n, range(trials))]
        )
        counts = " | ".join(str(int((values < p).sum())) for p in LIMITS)
        print(f"| {n} | {tolerance_px:g} | {trials} | {counts} |", flush=True)


if __name__ == "__main__":
    main()

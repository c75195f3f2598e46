"""Standard deviations of many series at once: as the study published it, sample, robust.

Every function takes an array (exposure, series), treats NaN as missing, and returns one number
per series: NaN where too few values remain.
"""

import numpy as np

MAD_TO_STD = 1.4826  # 1 / the 75 % quantile of the normal distribution


def sort_with_gaps(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each series in rising order with its NaN at the end, and the number before them."""
    return np.sort(values, axis=0), np.count_nonzero(~np.isnan(values), axis=0)


def std_published(ratio: np.ndarray) -> np.ndarray:
    """Standard deviation of F1/F2/<F1/F2> - 1 to the letter of the study.

    The mean is over all ratios that are not NaN; the deviations are sorted, the lowest and the
    highest dropped, and numpy's default standard deviation (ddof 0) taken. A ratio that is
    infinite makes it NaN, as in the study.

    Parameters
    ----------
    ratio : ndarray, shape (exposure, series)
        Flux ratios.
    """
    ordered, n = sort_with_gaps(ratio)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(ordered, axis=0) / n
        deviation = (ordered - mean) / mean
    rank = np.arange(len(ordered))[:, np.newaxis]
    return _std(deviation, (rank >= 1) & (rank < n - 1), ddof=0)


def std_sample(values: np.ndarray) -> np.ndarray:
    """Sample standard deviation, ddof 1."""
    return _std(values, ~np.isnan(values), ddof=1)


def _std(values: np.ndarray, used: np.ndarray, *, ddof: int) -> np.ndarray:
    n = np.count_nonzero(used, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(used, values, 0.0).sum(axis=0) / n
        variance = (np.where(used, values - mean, 0.0) ** 2).sum(axis=0) / (n - ddof)
    return np.sqrt(np.where(n > ddof, variance, np.nan))


def median(values: np.ndarray) -> np.ndarray:
    """Median of the values that are not NaN."""
    ordered, n = sort_with_gaps(values)
    column = np.arange(values.shape[1])
    last = max(len(values) - 1, 0)
    if len(values) == 0:
        return np.full(values.shape[1], np.nan)
    low, high = np.clip((n - 1) // 2, 0, last), np.clip(n // 2, 0, last)
    middle: np.ndarray = (ordered[low, column] + ordered[high, column]) / 2
    return middle


def std_robust(values: np.ndarray) -> np.ndarray:
    """1.4826 times the median absolute deviation from the median: half the points may be wild."""
    return MAD_TO_STD * median(np.abs(values - median(values)))

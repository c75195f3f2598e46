"""Figures of a cell, with the standard errors of what was counted."""

from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.validation.measures import Row
from pipeline.statistics.campaigns import Scenario

Figures = dict[str, float]


def summarise(measure: str, scenario: Scenario, rows: Mapping[int, Row]) -> Figures:
    """Figures of one cell; ``n`` is the number of campaigns, ``_se`` the standard error of a share."""
    names = next(iter(rows.values()))
    values = {name: np.array([row[name] for row in rows.values()]) for name in names}
    return {"n": float(len(rows)), **_SUMMARIES[measure](values, scenario)}


def _share(name: str, hit: np.ndarray) -> Figures:
    """Mean of per-campaign shares and its standard error (binomial where they are 0 or 1)."""
    mean = float(hit.mean())
    return {name: mean, f"{name}_se": float(np.sqrt(max(hit.var(), 1e-12) / len(hit)))}


def _floor(values: dict[str, np.ndarray], scenario: Scenario) -> Figures:
    true, found = scenario.floor, values["floor"]
    figures: Figures = {"true": true, "cpu_s_median": float(np.median(values["cpu_s"]))}
    figures |= _share("false_bad_exposures", values["n_bad"] > 0)
    figures |= _share("additive", values["additive"] > 0)
    if true == 0:
        half = (values["high68"] - values["low68"]) / 2
        figures |= _share("above_2_sigma", (found > 2 * half) | (values["low95"] > found / 2))
        return figures | {"floor_median": float(np.median(found))}
    for level in ("68", "95"):
        inside = (values[f"low{level}"] <= true) & (true <= values[f"high{level}"])
        figures |= _share(f"covered_{level}", inside)
    bound = float(np.sqrt((values["bound"] ** 2).mean()))  # knows of no sky in apertures
    signal = float(np.sqrt((values["response_true_rms"] ** 2).mean()))
    error = float(np.sqrt((values["response_rms"] ** 2).mean()))
    return figures | {
        "bias": float(found.mean()) / true - 1,
        "bias_se": float(found.std()) / true / np.sqrt(len(found)),
        "scatter": float(found.std()) / true,
        "cramer_rao": bound / true,
        "scatter_over_bound": float(found.std()) / bound,
        "response_error_over_signal": error / signal,
        "response_slope": float(values["response_slope"].mean()),
        **_share("response_covered_68", values["response_covered"]),
    }


def _shares(values: dict[str, np.ndarray], scenario: Scenario) -> Figures:  # noqa: ARG001
    return {key: value for name in values for key, value in _share(name, values[name]).items()}


def _correction(values: dict[str, np.ndarray], scenario: Scenario) -> Figures:
    before, after, best = (float(values[k].sum()) for k in ("before", "after", "with_truth"))
    figures = {"scatter_growth": float(np.sqrt(after / before)) - 1}
    if scenario.slow > 0 or scenario.night > 0:
        figures["removed_of_removable"] = (before - after) / (before - best)
    return figures


_SUMMARIES: dict[str, Callable[[dict[str, np.ndarray], Scenario], Figures]] = {
    "floor": _floor,
    "trends": _shares,
    "correction": _correction,
    "variables": _shares,
    "steps": _shares,
    "prediction": _shares,
}

"""Grids that follow a likelihood: axes of amplitudes, and nodes of (tau, theta) that are halved."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

MIN_TAU, MIN_THETA = 4, 3  # values within KEPT / 2 of the best: fewer, and the grid is halved there
TAU_DAYS = tuple(float(4 * 2**k) for k in range(8))  # 4 d to 512 d: a night to a campaign
N_COARSE = 8


@dataclass(frozen=True)
class Axis:
    """Values of one amplitude (a standard deviation) and the widths of their cells."""

    value: np.ndarray
    width: np.ndarray


def axis_over(low: float, high: float, n: int) -> Axis:
    value = np.linspace(low, high, n)
    width = np.full(n, (high - low) / (n - 1))
    width[[0, -1]] /= 2
    return Axis(value, width)


def shifted_axis(low: float, high: float, n: int, shift: float) -> Axis:
    """n cells of equal width, each represented by the value at a fraction of it."""
    width = (high - low) / n
    return Axis(low + width * (np.arange(n) + shift), np.full(n, width))


def geometric(scale: float, n: int) -> np.ndarray:
    """0 and n - 1 values up to ``scale``, each 1.9 times the last."""
    return np.concatenate([[0.0], scale * 1.9 ** -np.arange(n - 2.0, -1.0, -1.0)])


def range_within(
    values: np.ndarray, log_like: np.ndarray, depth: float
) -> tuple[float, float, bool]:
    """The values within ``depth`` of the best and some more a side; whether they are resolved.

    Two more where the likelihood is narrower than the grid: along a ridge the best node of a coarse
    grid may be some cells off. Beyond an end where the likelihood is still high, half of the range.
    """
    within = np.flatnonzero(log_like > log_like.max() - depth)
    more = 1 if len(within) > 2 else 2
    low, high = int(within[0]) - more, int(within[-1]) + more
    beyond = (values[-1] - values[0]) / 2
    at_low, at_high = within[0] == 0 and values[0] > 0, within[-1] == len(values) - 1
    bottom = max(0.0, values[0] - beyond) if at_low else values[max(low, 0)]
    top = values[-1] + beyond if at_high else values[min(high, len(values) - 1)]
    return float(bottom), float(top), len(within) >= 4 and not (at_low or at_high)


def too_coarse(good: list[tuple[float, float]]) -> tuple[bool, bool]:
    """Whether too few values of tau and of theta are likely; an end of the range counts as one more."""
    drifting = {tau for tau, theta in good if theta < np.pi / 2}
    thetas = {theta for _, theta in good}
    n_tau = len(drifting) + bool(drifting & {TAU_DAYS[0], TAU_DAYS[-1]})
    n_theta = len(thetas) + bool(thetas & {0.0, np.pi / 2})
    return 0 < n_tau < MIN_TAU, n_theta < MIN_THETA


def spanning(ranges: list[tuple[float, float]]) -> np.ndarray:
    """Values over all ranges."""
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    return np.linspace(low, high, N_COARSE + 2)


def grid_nodes(taus: np.ndarray, thetas: np.ndarray) -> Iterator[tuple[float, float]]:
    """All (tau, theta); without a slow part tau has no effect, and one node is enough."""
    for theta in thetas.tolist():
        for tau in taus.tolist() if theta < thetas[-1] else taus[:1].tolist():
            yield tau, theta


def in_order(nodes: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Some nodes of a grid in the order of ``grid_nodes``, of which a fine grid has hundred thousands."""
    return sorted(nodes, key=lambda node: (node[1], node[0]))


def halved(values: np.ndarray, *, geometric: bool) -> np.ndarray:
    x = np.log(values) if geometric else values
    fine = np.interp(np.arange(2 * len(x) - 1) / 2, np.arange(len(x)), x)
    fine[::2] = x
    result = np.exp(fine) if geometric else fine
    result[::2] = values
    return np.asarray(result)


def nodes_near(
    kept: set[tuple[float, float]], taus: np.ndarray, thetas: np.ndarray
) -> set[tuple[float, float]]:
    """Nodes of the finer grid at most one step from one that is kept."""
    index_tau = {tau: k for k, tau in enumerate(taus.tolist())}
    index_theta = {theta: k for k, theta in enumerate(thetas.tolist())}
    near = set()
    for tau, theta in kept:
        i, k = index_tau[tau], index_theta[theta]
        columns = range(len(taus)) if k == len(thetas) - 1 else range(i - 1, i + 2)
        for a in columns:
            for b in range(k - 1, k + 2):
                if 0 <= a < len(taus) and 0 <= b < len(thetas):
                    near.add(
                        (float(taus[0] if b == len(thetas) - 1 else taus[a]), float(thetas[b]))
                    )
    return near

"""Posterior of the variances of the stability model, as weighted nodes of a grid.

Parameters: the contribution d of slow and night to the floor, w (per exposure), j (jitter), all >= 0;
the angle theta that shares d between slow (0) and night (pi/2); and tau. The prior is flat in theta
(with the ends theta = 0 and pi/2 as nodes of their own), has density tau^TAU_EXPONENT in ln tau and, in
the half space of (d, w, j), is uniform in direction with density F^-PRIOR_EXPONENT in F, the root of the
sum of their squares: a scale has no preferred value, and no part is preferred to another. A campaign of
a year cannot tell a drift of many months from a shorter one; with TAU_EXPONENT = 1/4 the floor is
unbiased for both on simulated campaigns (``benchmarks.validation``). The grid follows the likelihood:
it is zoomed in until it resolves it.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipeline.statistics.grid import (
    N_COARSE,
    TAU_DAYS,
    Axis,
    axis_over,
    geometric,
    grid_nodes,
    halved,
    in_order,
    nodes_near,
    range_within,
    shifted_axis,
    spanning,
    too_coarse,
)
from pipeline.statistics.kernels import window_factor
from pipeline.statistics.likelihood import (
    Groups,
    StarModes,
    TimeDesign,
    log_likelihood,
    project,
    star_contrasts,
    star_modes,
    time_design,
    time_modes,
)
from pipeline.statistics.log_fluxes import LogFluxes
from pipeline.statistics.nodes import Nodes

N_THETA = 5
PRIOR_EXPONENT = 1.0
TAU_EXPONENT = 0.25
KEPT = 7.0  # of ln L below the best: nodes beyond hold about 1e-3 of the posterior
N_AMPLITUDE = 9  # nodes a side of the grid in (d, w) at the end
N_JITTER = 5
N_ZOOMS = 14
MAX_LEVEL = 7
FEW_DATA = 10_000
MIN_KEPT = 8  # nodes to refine about, however unlikely: the likeliest of a coarse grid may be off
# of the grids of different (tau, theta, jitter) against each other, so that their union is finer
# than each: the R2 sequence, 1 / plastic number and its square
SHIFTS = (0.7548776662466927, 0.5698402909980532)
MEAN_TAU_DAYS = 58  # (mean of tau^TAU_EXPONENT over ln tau)^(1 / TAU_EXPONENT)
SOFT = 1e-4  # of the median photon variance: a floor of a hundredth of the noise is none


class _Model:
    """Data of one fit, projected on the time modes of each (tau, theta) and on star modes."""

    def __init__(
        self, logs: LogFluxes, extra: np.ndarray, free: np.ndarray | None, lines: bool
    ) -> None:
        self.logs = logs
        self.design: TimeDesign = time_design(logs, lines=lines)
        # zooms before a hopeless (tau, theta) is given up: with many data the peak is narrow
        self.patience = 1 if logs.value.size < FEW_DATA else 4
        self.contrasts = star_contrasts(len(logs.stars), free)
        self.variance = logs.star_variance + extra
        self._stars: dict[float, StarModes] = {}
        self._time: dict[tuple[float, float], tuple[Groups, np.ndarray]] = {}

    def stars(self, jitter: float) -> StarModes:
        if jitter not in self._stars:
            variance = self.variance + jitter**2
            self._stars[jitter] = star_modes(
                self.contrasts, self.logs.gram, variance, self.design.merge
            )
        return self._stars[jitter]

    def time(self, node: tuple[float, float]) -> tuple[Groups, np.ndarray]:
        """Groups of eigenvalues, scaled so that A = d^2, and rotated data of a (tau, theta)."""
        if node not in self._time:
            tau, theta = node
            rho = np.sin(theta) ** 2
            modes = time_modes(self.design, tau, float(rho))
            scale = (1 - rho) * float(window_factor(tau)) + rho
            groups = replace(modes.groups, value=modes.groups.value / scale)
            self._time[node] = groups, modes.vector.T @ self.logs.value
        return self._time[node]

    def log_like(
        self, node: tuple[float, float], jitter: float, drift: np.ndarray, white: np.ndarray
    ) -> np.ndarray:
        """ln L on the product (drift, white) of amplitudes."""
        d, w = np.repeat(drift, len(white)), np.tile(white, len(drift))
        (groups, rotated), stars = self.time(node), self.stars(jitter)
        data = project(rotated, groups, stars)
        found = log_likelihood(data, groups, stars.groups, d**2, w**2)
        return found.reshape(len(drift), len(white))


def posterior(
    logs: LogFluxes,
    *,
    extra_variance: np.ndarray | None = None,
    free: np.ndarray | None = None,
    lines: bool = False,
) -> Nodes:
    """Weighted nodes of the posterior.

    Parameters
    ----------
    logs : LogFluxes
        Gaps count as data: fill them with draws first (``pipeline.statistics.gaps``).
    extra_variance : ndarray, shape (star,), optional
        Variance of single stars beyond photons and jitter (variables).
    free : ndarray, shape (star, term), optional
        Patterns over the stars whose amplitude is free in each exposure (1 / F, x, y).
    lines : bool
        A free line in time for each star: what is left of the covariance beside a trend.
    """
    n_stars = len(logs.stars)
    extra = np.zeros(n_stars) if extra_variance is None else extra_variance
    model = _Model(logs, extra, free, lines)
    scale = _scale(model)
    separable = model.stars(scale).n_signal < model.contrasts.shape[1]
    start = (32.0, np.pi / 4)
    jitter = _jitter_axis(model, start, scale) if separable else Axis(np.zeros(1), np.ones(1))
    boxes = _boxes(model, jitter, scale)
    return _integrate(model, jitter, boxes)


def _scale(model: _Model) -> float:
    """An amplitude above all of the posterior: from the mean square of the star contrasts."""
    time = model.time((32.0, np.pi / 4))[1]
    contrast = time @ model.contrasts
    return 1.5 * float(np.sqrt((contrast**2).mean() + model.variance.mean())) + 1e-6


def _jitter_axis(model: _Model, node: tuple[float, float], scale: float) -> Axis:
    """Range of the jitter that one (tau, theta) allows, the other amplitudes free."""
    values = geometric(scale, 10)
    amplitudes = geometric(scale, 10)
    for _ in range(N_ZOOMS):
        best = np.array([model.log_like(node, j, amplitudes, amplitudes).max() for j in values])
        low, high, resolved = range_within(values, best, KEPT / 2)
        if resolved:
            break
        values = np.linspace(low, high, N_COARSE)
    return axis_over(low, high, N_JITTER)


@dataclass(frozen=True)
class _Box:
    """Where a (tau, theta) has its likelihood in (d, w), and the highest ln L there."""

    drift: tuple[float, float]
    white: tuple[float, float]
    best: float


def _box(
    model: _Model,
    node: tuple[float, float],
    jitter: Axis,
    start: tuple[np.ndarray, np.ndarray],
    known: float,
) -> _Box:
    """Zooms into the amplitudes that matter: first at the middle jitter, then at the outer ones.

    Stops early where the likelihood stays far below ``known``, that of another node.
    """
    middle = jitter.value[[len(jitter.value) // 2]]
    drift, white = start
    for zoom in range(N_ZOOMS):
        trial = middle if zoom < 2 else np.unique(jitter.value[[0, len(jitter.value) // 2, -1]])
        found = np.max([model.log_like(node, j, drift, white) for j in trial], axis=0)
        best = float(found.max())
        d_low, d_high, d_done = range_within(drift, found.max(axis=1), KEPT)
        w_low, w_high, w_done = range_within(white, found.max(axis=0), KEPT)
        if (zoom >= model.patience and best < known - 3 * KEPT) or (
            d_done and w_done and zoom >= 2
        ):
            break
        drift = np.linspace(d_low, d_high, N_COARSE)
        white = np.linspace(w_low, w_high, N_COARSE)
    return _Box((d_low, d_high), (w_low, w_high), best)


def _boxes(model: _Model, jitter: Axis, scale: float) -> dict[tuple[float, float], _Box]:
    """Boxes of all (tau, theta) that matter, on a grid halved until enough of them do."""
    taus, thetas = np.array(TAU_DAYS), np.linspace(0, np.pi / 2, N_THETA)
    start = geometric(scale, N_COARSE + 1), geometric(scale, N_COARSE)
    boxes: dict[tuple[float, float], _Box] = {}
    wanted = set(grid_nodes(taus, thetas))
    for level in range(MAX_LEVEL + 1):
        best = max((box.best for box in boxes.values()), default=-np.inf)
        for node in in_order(wanted - boxes.keys()):
            boxes[node] = _box(model, node, jitter, start, best)
            best = max(best, boxes[node].best)
        order = sorted(boxes, key=lambda node: -boxes[node].best)
        boxes = {
            node: boxes[node]
            for rank, node in enumerate(order)
            if boxes[node].best > best - KEPT or rank < MIN_KEPT
        }
        good = [node for node, box in boxes.items() if box.best > best - KEPT / 2]
        coarse_tau, coarse_theta = too_coarse(good)
        if level == MAX_LEVEL or not (coarse_tau or coarse_theta):
            break
        taus = halved(taus, geometric=True) if coarse_tau else taus
        thetas = halved(thetas, geometric=False) if coarse_theta else thetas
        wanted = nodes_near(set(boxes), taus, thetas)
        start = (
            spanning([box.drift for box in boxes.values()]),
            spanning([box.white for box in boxes.values()]),
        )
    best = max(box.best for box in boxes.values())
    return {node: box for node, box in boxes.items() if box.best > best - KEPT}


def _integrate(model: _Model, jitter: Axis, boxes: dict[tuple[float, float], _Box]) -> Nodes:
    separable = len(jitter.value) > 1
    n_tau = len({tau for tau, theta in boxes if theta < np.pi / 2}) or 1
    parts: list[np.ndarray] = []
    for node, box in boxes.items():
        repeats = n_tau if node[1] == np.pi / 2 else 1
        for j, j_width in zip(jitter.value, jitter.width, strict=True):
            drift = shifted_axis(*box.drift, N_AMPLITUDE, len(parts) * SHIFTS[0] % 1)
            white = shifted_axis(*box.white, N_AMPLITUDE, len(parts) * SHIFTS[1] % 1)
            width = repeats * drift.width[:, np.newaxis] * white.width
            log_like = model.log_like(node, j, drift.value, white.value)
            d = np.repeat(drift.value, N_AMPLITUDE)
            w = np.tile(white.value, N_AMPLITUDE)
            cell = drift.width[:, np.newaxis] ** 2 + white.width**2 + j_width**2 * separable
            log_width = np.log(np.maximum(width * j_width, 1e-300)).ravel()
            parts.append(_part(node, j, d, w, log_like.ravel(), log_width, cell.ravel()))
    table = np.concatenate(parts, axis=1)
    d, w, j, tau, theta, log_like, log_width, cell = table
    # within a cell of the grid the density is the cell's: it has a pole at 0
    floor2 = d**2 + w**2 + j**2 + cell + SOFT * np.median(model.variance)
    n_free = 3 if separable else 2
    log_prior = -0.5 * (n_free - 1 + PRIOR_EXPONENT) * np.log(floor2)
    # theta = pi/2 has no slow part, and one tau stands for all of them
    log_prior += np.where(theta < np.pi / 2, TAU_EXPONENT * np.log(tau / MEAN_TAU_DAYS), 0.0)
    log_weight = log_like + log_width + log_prior
    highest = float(log_weight.max())
    weight = np.exp(log_weight - highest)
    total_weight = float(weight.sum())
    kept = weight > 1e-7
    d, w, j, tau, theta, log_like = (x[kept] for x in (d, w, j, tau, theta, log_like))
    rho = np.sin(theta) ** 2
    total = d**2 / ((1 - rho) * window_factor(tau) + rho)
    return Nodes(
        slow=total * (1 - rho),
        night=total * rho,
        exposure=w**2,
        jitter=j**2,
        tau_days=tau,
        weight=weight[kept] / weight[kept].sum(),
        log_like=log_like,
        log_like_none=float(
            model.log_like((TAU_DAYS[0], 0.0), 0.0, np.zeros(1), np.zeros(1))[0, 0]
        ),
        log_evidence=highest + float(np.log(total_weight)),
    )


def _part(
    node: tuple[float, float],
    jitter: float,
    drift: np.ndarray,
    white: np.ndarray,
    log_like: np.ndarray,
    log_width: np.ndarray,
    cell: np.ndarray,
) -> np.ndarray:
    n = len(drift)
    constants = [np.full(n, value) for value in (jitter, *node)]
    return np.array([drift, white, *constants, log_like, log_width, cell])


class AmplitudeLikelihood:
    """ln L of single amplitudes at one (tau, share of the night): what an optimiser calls."""

    def __init__(
        self, logs: LogFluxes, free: np.ndarray | None, tau_days: float, rho: float
    ) -> None:
        model = _Model(logs, np.zeros(len(logs.stars)), free, lines=False)
        self._merge = model.design.merge
        self._contrasts = model.contrasts
        self._time, self._rotated = model.time((tau_days, float(np.arcsin(np.sqrt(rho)))))

    def __call__(self, gram: np.ndarray, variance: np.ndarray, drift: float, white: float) -> float:
        """At a covariance of stars, their noise, and variances of slow and night, and of exposure.

        Parameters
        ----------
        gram : ndarray, shape (star, star)
        variance : ndarray, shape (star,)
            Photons, jitter and whatever else is new in each exposure and star.
        drift, white : float
            Variances: of the contribution of slow and night to the floor, and of the exposure term.
        """
        stars = star_modes(self._contrasts, gram, variance, self._merge)
        data = project(self._rotated, self._time, stars)
        amplitudes = np.array([drift]), np.array([white])
        return float(log_likelihood(data, self._time, stars.groups, *amplitudes)[0])

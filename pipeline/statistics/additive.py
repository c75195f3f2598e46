"""Light that is added to apertures: sky that its subtraction leaves, channel by channel.

An aperture of flux F that holds the residual b has ln F changed by b / F, so that faint stars show it
and bright ones do not. Two kinds are told apart from what channels do to the stars themselves:

- a residual in proportion to the channel's own term: the sky was scaled by another response than the
  star's. It multiplies the star's share of its channel by 1 + follows u,
- a residual that is new in each exposure and aperture: noise of variance (white u)^2,

with u = 1 / F in units of that of the median star. What all apertures of an exposure share is left out
of the contrasts of stars (``free``). The first amplitude is integrated over, flat, so that not knowing
it is part of the floor's interval; the second is taken at its likeliest value. A residual that is
independent of the channel's response and lasts for more than an exposure is told apart by neither.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy

from pipeline.statistics.log_fluxes import LogFluxes, TooFewFluxes
from pipeline.statistics.nodes import Nodes, joined
from pipeline.statistics.posterior import AmplitudeLikelihood, posterior

MIN_STARS = 8  # two amplitudes and a common term beside the floor's four
MAX_FOLLOWS = 3.0  # of the median star: sky in its aperture over its flux
N_FOLLOWS = 5  # values that are integrated over
HALF_WIDTH = 2.2  # standard deviations that they reach on each side
ROUNDS = 2  # of the maximum and the time scale in turn; one from a maximum that is near
TRIALS = (0.1, 0.3, 1.0)  # of the load of a star fainter than four in five
NEEDED = 4.5  # gain of ln L: 3 standard deviations of one amplitude
FAINT, MIN_FAINT = 0.8, 1.5  # quantile of 1 / F that stands for faint stars; its least value
DERIVATIVE_STEP = 0.2  # in units of a parameter's first step
MIN_CURVATURE = 0.05  # a direction that the data do not tell apart is a few steps wide
OPTIONS = {"maxfev": 400, "xatol": 0.02, "fatol": 0.01}


@dataclass(frozen=True)
class Additive:
    """Amplitudes at the median star: ``follows`` per unit of its channel, ``white`` in ln F."""

    follows: float = 0.0
    white: float = 0.0
    follows_err: float = 0.0


@dataclass(frozen=True)
class Amplitudes:
    """The likeliest amplitudes at one time scale and share of the night."""

    additive: Additive
    parts: np.ndarray  # (3,) contribution of slow and night to the floor, exposure, jitter: ln
    floor: float  # root of twice the sum of their squares
    floor_err: float  # 1 sigma, from the curvature of ln L


def inverse_flux(logs: LogFluxes) -> np.ndarray:
    """(star,) u = 1 / F of a typical exposure over that of the median star."""
    inverse = np.exp(-np.median(logs.value - logs.value.mean(), axis=0))
    return np.asarray(inverse / np.median(inverse))


def _faint(logs: LogFluxes) -> float:
    """u of a star fainter than four in five."""
    return float(np.quantile(inverse_flux(logs), FAINT))


def with_additive(logs: LogFluxes, additive: Additive) -> LogFluxes:
    """Log fluxes without additive terms, with shares and variances that hold them."""
    u = inverse_flux(logs)
    load = 1.0 + additive.follows * u
    return replace(
        logs,
        share=logs.share * load[:, np.newaxis],
        gram=logs.gram * np.outer(load, load),
        variance=logs.variance + (additive.white * u) ** 2,
        load=load,
    )


def common_pattern(logs: LogFluxes) -> np.ndarray:
    """(star, 1) pattern of light that all apertures of an exposure share."""
    return inverse_flux(logs)[:, np.newaxis]


def is_needed(logs: LogFluxes, nodes: Nodes, extra_variance: np.ndarray) -> bool:
    """Whether the likelihood asks for additive terms, the variances kept as they were found."""
    if len(logs.stars) < MIN_STARS or _faint(logs) < MIN_FAINT:
        return False
    problem = _Problem(logs, nodes, extra_variance, None)
    plain = problem.log_like(Additive())
    tried = [Additive(follows=sign * size / problem.faint) for size in TRIALS for sign in (1, -1)]
    tried += [Additive(white=size * problem.noise) for size in TRIALS]
    return max(problem.log_like(one) for one in tried) > plain + NEEDED


def find_additive(
    logs: LogFluxes, extra_variance: np.ndarray, free: np.ndarray | None, start: Additive
) -> Additive:
    """The likeliest amplitudes.

    Raises
    ------
    TooFewFluxes
        If there are fewer than eight stars, or none that is fainter than the others.
    """
    if len(logs.stars) < MIN_STARS:
        raise TooFewFluxes(
            f"{len(logs.stars)} stars have enough usable fluxes; additive terms need {MIN_STARS}"
        )
    if _faint(logs) < MIN_FAINT:
        raise TooFewFluxes("stars are of one brightness: additive terms cannot be told from others")
    found = start
    for _ in range(ROUNDS if start == Additive() else 1):
        changed = with_additive(logs, found)
        nodes = posterior(changed, extra_variance=extra_variance, free=free)
        found = _Problem(logs, nodes, extra_variance, free).maximum(found).additive
    return found


def likeliest_amplitudes(logs: LogFluxes, nodes: Nodes, start: Additive | None) -> Amplitudes:
    """The likeliest amplitudes at the time scale and share of the night of another fit.

    Parameters
    ----------
    logs : LogFluxes
    nodes : Nodes
        Posterior of a fit of the same stars, in another band; its likeliest node counts.
    start : Additive or None
        Additive terms near the likeliest ones; None: there are none.
    """
    free = None if start is None else common_pattern(logs)
    return _Problem(logs, nodes, np.zeros(len(logs.stars)), free).maximum(start)


def additive_posterior(
    logs: LogFluxes, extra_variance: np.ndarray, free: np.ndarray | None, found: Additive
) -> Nodes:
    """Posterior with ``follows`` integrated over, flat within ``MAX_FOLLOWS``."""
    reach = HALF_WIDTH * found.follows_err * np.linspace(-1, 1, N_FOLLOWS)
    values = np.unique(np.clip(found.follows + reach, -MAX_FOLLOWS, MAX_FOLLOWS))
    parts = [
        posterior(
            with_additive(logs, replace(found, follows=value)),
            extra_variance=extra_variance,
            free=free,
        )
        for value in values.tolist()
    ]
    return joined(parts)


class _Problem:
    """ln L over additive amplitudes and d, w, j at the likeliest (tau, share of the night)."""

    def __init__(
        self, logs: LogFluxes, nodes: Nodes, extra: np.ndarray, free: np.ndarray | None
    ) -> None:
        best = int(np.argmax(nodes.log_like))
        total = float(nodes.slow[best] + nodes.night[best])
        rho = float(nodes.night[best]) / total if total > 0 else 1.0
        self._u = inverse_flux(logs)
        self.faint = _faint(logs)
        self._gram, self._variance = logs.gram, logs.star_variance + extra
        self._like = AmplitudeLikelihood(logs, free, float(nodes.tau_days[best]), rho)
        floor2 = float(nodes.floor[best]) ** 2 / 2
        white, jitter = float(nodes.exposure[best]), float(nodes.jitter[best])
        self._start = np.sqrt(np.maximum([floor2 - white - jitter, white, jitter], 0.0))
        # where no errors are known, the noise is in the floor
        self.noise = float(np.sqrt(np.median(logs.star_variance) + 0.01 * floor2))

    def log_like(self, additive: Additive, parts: np.ndarray | None = None) -> float:
        """At standard deviations (d, w, j); left out, those of the likeliest node."""
        drift, white, jitter = np.square(self._start if parts is None else parts).tolist()
        load = 1.0 + additive.follows * self._u
        variance = self._variance + (additive.white * self._u) ** 2 + jitter
        return float(self._like(self._gram * np.outer(load, load), variance, drift, white))

    def maximum(self, start: Additive | None) -> Amplitudes:
        """Likeliest amplitudes by the simplex of Nelder & Mead, errors from the curvature there.

        Without a start there are no additive terms.
        """
        least = 0.1 * self.noise
        first = np.maximum(self._start, least)
        steps = 0.5 * first
        if start is not None:
            first = np.array([start.follows, max(start.white, least), *first])
            steps = np.array([0.3 / max(self.faint, 1.0), 0.5 * first[1], *steps])

        def cost(scaled: np.ndarray) -> float:
            values = first + steps * scaled
            if start is None:
                return -self.log_like(Additive(), np.abs(values))
            follows, white, *parts = values
            if abs(follows) > MAX_FOLLOWS:
                return float(1e10 * abs(follows))
            return -self.log_like(Additive(follows, abs(white)), np.abs(parts))

        n = len(first)
        simplex = np.vstack([np.zeros(n), np.eye(n)])
        found = scipy.optimize.minimize(
            cost, np.zeros(n), method="Nelder-Mead", options={**OPTIONS, "initial_simplex": simplex}
        )
        values = first + steps * found.x
        value, vector = np.linalg.eigh(_hessian(cost, found.x))
        root = steps[:, np.newaxis] * vector / np.sqrt(np.maximum(value, MIN_CURVATURE))
        parts, of_parts = np.abs(values[-3:]), root[-3:]
        floor = float(np.sqrt(2 * (parts**2).sum()))
        error = float(np.linalg.norm(2 * parts @ of_parts)) / floor if floor > 0 else np.nan
        if start is None:
            return Amplitudes(Additive(), parts, floor, error)
        follows_err = float(np.sqrt((root[0] ** 2).sum()))
        return Amplitudes(
            Additive(float(values[0]), float(abs(values[1])), follows_err), parts, floor, error
        )


def _hessian(cost: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    """Second derivatives by central differences."""
    steps = DERIVATIVE_STEP * np.eye(len(x))
    hessian = np.empty((len(x), len(x)))
    for a, along in enumerate(steps):
        for b, across in enumerate(steps[: a + 1]):
            second = (
                cost(x + along + across)
                - cost(x + along - across)
                - cost(x - along + across)
                + cost(x - along - across)
            )
            hessian[a, b] = hessian[b, a] = second / (4 * DERIVATIVE_STEP**2)
    return hessian

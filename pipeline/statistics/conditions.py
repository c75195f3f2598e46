"""What seeing, airmass, positions and calibrations do to ratios: components beside the floor.

A star may answer to the seeing of an exposure with a coefficient of its own, and the field may be
tilted in an exposure. In the basis of time modes i and star modes k of the stability model
(``pipeline.statistics.likelihood``) the data are independent numbers of variance V_ik = 1 + lambda_i
gamma_k, so that coefficients of a covariate x (one for each star mode) or of a pattern q over the
stars (one for each time mode) are weighted means, independent of each other. Their scatter beyond
the errors is a variance component; its interval is that of the profile likelihood, and p is that of
chi squared without one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.smoother import Smoother
from pipeline.statistics.stability import Stability, fit_likeliest
from pipeline.statistics.trend_tests import holm

MIN_EXPOSURES = 10  # with a known value that is not the same in all of them
HALF_DROP = 1.920729  # of ln L at the ends of a 95 % interval: half of chi squared of 1
N_GRID = 400
MIN_STARS = 6  # a tilt is a term of every exposure: few stars say nothing else then
SIGNIFICANT_P = 0.01  # after Holm: below, an effect is taken out before the floor is fitted
MAX_ROUNDS = 4
POSITIONS = ("position x", "position y")


@dataclass(frozen=True)
class Effect:
    """One condition: what it adds to ln(F1/F2) of two stars."""

    condition: str
    std: float  # standard deviation of ln(F1/F2) that it causes, likeliest value
    low95: float
    high95: float
    p: float  # of chi squared this large without any effect
    n: int  # exposures with a known value
    # (exposure, star) of the fit: the likeliest effect on ln F, shrunk by its error
    pattern: np.ndarray


@dataclass(frozen=True)
class WithoutConditions:
    """Fluxes without the effects that are significant, and all effects."""

    fluxes: Fluxes
    effects: tuple[Effect, ...]

    @property
    def removed(self) -> tuple[str, ...]:
        """Names of the effects that were taken out of the fluxes."""
        return significant(self.effects)


def without_conditions(
    fluxes: Fluxes, covariates: Mapping[str, np.ndarray], xy: np.ndarray | None = None
) -> WithoutConditions:
    """Fluxes without the effects of conditions on ratios, where these are significant.

    Effects are found in turn, each in fluxes without the others, beside a stability model of fluxes
    without any.

    Parameters
    ----------
    fluxes : Fluxes
        Bad exposures are flagged.
    covariates : mapping of name to ndarray, shape (exposure,)
        NaN: unknown. One that is known in fewer than ten exposures, or the same in all, is left out.
    xy : ndarray, shape (star, 2), optional
        Places of the stars: a tilt of the field, anew in each exposure. NaN: not tested.

    Returns
    -------
    WithoutConditions
        The fluxes as they are if no effect is below 1 % after Holm over all.

    Raises
    ------
    TooFewFluxes
        If the stability model cannot be fitted.

    Examples
    --------
    >>> from pipeline.statistics.campaigns import CONFIGURATIONS, SCENARIOS, draw_campaign
    >>> fluxes = draw_campaign(SCENARIOS["night"], CONFIGURATIONS["65x25"], seed=1).fluxes
    >>> seeing = np.random.default_rng(1).uniform(0.6, 1.4, 65)
    >>> without_conditions(fluxes, {"seeing": seeing}).removed
    ()
    """
    effects: tuple[Effect, ...] = ()
    clean = fluxes
    for _ in range(MAX_ROUNDS):
        fit = fit_likeliest(clean, additive=False, find_bad=False)
        known = {one.condition: one for one in effects if one.condition in significant(effects)}
        effects = _effects_of(fit, covariates, xy, known)
        clean = _without(fluxes, effects, fit)
        if set(significant(effects)) == known.keys():
            break
    return WithoutConditions(clean, effects)


def significant(effects: Sequence[Effect]) -> tuple[str, ...]:
    """Names of the effects below 1 % after Holm over all."""
    adjusted = holm(np.array([one.p for one in effects]))
    return tuple(
        one.condition for one, p in zip(effects, adjusted, strict=True) if p < SIGNIFICANT_P
    )


def _without(fluxes: Fluxes, effects: tuple[Effect, ...], fit: Stability) -> Fluxes:
    total = np.zeros(fluxes.flux.shape)
    for one in effects:
        if one.condition in significant(effects):
            total[np.ix_(fit.logs.exposures, fit.logs.stars)] += one.pattern
    factor = np.exp(-total)
    return replace(fluxes, flux=fluxes.flux * factor, flux_err=fluxes.flux_err * factor)


def _effects_of(
    fit: Stability,
    covariates: Mapping[str, np.ndarray],
    xy: np.ndarray | None,
    removed: Mapping[str, Effect],
) -> tuple[Effect, ...]:
    """Each effect in data without the others that were removed."""
    smoother, logs = fit.smoother, fit.logs
    found = []

    def beside_others(name: str) -> Smoother:
        """The smoother on data that hold this effect."""
        if name not in removed:
            return smoother
        value = logs.value + removed[name].pattern
        return replace(smoother, logs=replace(logs, value=value))

    for name, values in covariates.items():
        x = np.asarray(values, float)[logs.exposures]
        known = np.isfinite(x)
        if np.count_nonzero(known) >= MIN_EXPOSURES and np.ptp(x[known]) > 0:
            scaled = np.where(known, (x - x[known].mean()) / x[known].std(), 0.0)
            found.append(_of_covariate(name, beside_others(name), scaled, int(known.sum())))
    places = None if xy is None else np.asarray(xy, float)[logs.stars]
    if places is not None and np.isfinite(places).all() and len(places) >= MIN_STARS:
        for column, name in enumerate(POSITIONS):
            if np.ptp(places[:, column]) > 0:
                scaled = (places[:, column] - places[:, column].mean()) / places[:, column].std()
                found.append(_of_place(name, beside_others(name), scaled))
    return tuple(found)


def conditions_table(effects: tuple[Effect, ...]) -> QTable:
    """The table ``conditions``."""
    return make_table(
        "conditions",
        {
            "condition": [one.condition for one in effects],
            **{key: [getattr(one, key) for one in effects] for key in ("std", "low95", "high95")},
            "p": [one.p for one in effects],
            "p_adjusted": holm(np.array([one.p for one in effects])).tolist(),
            "n": [one.n for one in effects],
        },
    )


def _of_covariate(name: str, smoother: Smoother, x: np.ndarray, n: int) -> Effect:
    """A coefficient for each star, per standard deviation of the covariate."""
    time = smoother.time.vector.T @ x
    information = np.maximum((time**2) @ smoother.inverse, 1e-300)  # (star mode,)
    coefficient = (time @ smoother.scores) / information
    vector = smoother.stars.vector  # (star, star mode): coefficients are vector' g
    s2, low, high, p = _component(coefficient, 1 / information, vector.T @ vector)
    per_star = _shrunk(coefficient, 1 / information, vector, s2)
    return Effect(name, _of_ratio(s2), _of_ratio(low), _of_ratio(high), p, n, np.outer(x, per_star))


def _of_place(name: str, smoother: Smoother, place: np.ndarray) -> Effect:
    """A slope over the field in each exposure, per standard deviation of the stars' places."""
    pattern = smoother.stars.vector.T @ place  # (star mode,)
    information = np.maximum(smoother.inverse @ pattern**2, 1e-300)  # (time mode,)
    slope = (smoother.scores @ pattern) / information
    vector = smoother.time.vector  # (exposure, time mode), orthonormal
    s2, low, high, p = _component(slope, 1 / information, np.eye(len(slope)))
    in_time = vector @ (slope * s2 / (s2 + 1 / information))
    bounds = _of_ratio(s2), _of_ratio(low), _of_ratio(high)
    return Effect(name, *bounds, p, len(vector), np.outer(in_time, place))


def _of_ratio(s2: float) -> float:
    """Standard deviation of ln(F1/F2) of two stars whose ln F have this variance each."""
    return float(np.sqrt(2 * s2))


def _shrunk(
    coefficient: np.ndarray, variance: np.ndarray, vector: np.ndarray, s2: float
) -> np.ndarray:
    """(star,) best linear unbiased prediction of coefficients g with coefficient = vector' g + error."""
    covariance = s2 * vector.T @ vector + np.diag(variance)
    return np.asarray(s2 * vector @ np.linalg.solve(covariance, coefficient))


def _component(
    value: np.ndarray, variance: np.ndarray, load: np.ndarray
) -> tuple[float, float, float, float]:
    """s^2 of values with covariance diag(variance) + s^2 load: likeliest, its 95 % interval, and p."""
    scale = 1 / np.sqrt(variance)
    eigenvalue, eigenvector = np.linalg.eigh(scale[:, np.newaxis] * load * scale)
    squares = (eigenvector.T @ (value * scale)) ** 2
    eigenvalue = np.maximum(eigenvalue, 0.0)
    chi2 = float(squares.sum())
    p = float(scipy.special.chdtrc(len(value), chi2))
    top = 4.0 * max(chi2, 4.0) / max(float(eigenvalue.sum()), 1e-300)
    grid = np.concatenate([[0.0], np.geomspace(1e-6, 1.0, N_GRID)]) * top * len(value)
    total = 1.0 + grid[:, np.newaxis] * eigenvalue
    log_like = -0.5 * (np.log(total) + squares / total).sum(axis=1)
    best = int(np.argmax(log_like))
    within = np.flatnonzero(log_like > log_like[best] - HALF_DROP)
    return float(grid[best]), float(grid[within[0]]), float(grid[within[-1]]), p

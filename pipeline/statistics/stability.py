"""How stable the ratio of two fluxes is: the floor, its parts, the channels' courses, predictions.

ln F = star + exposure + channel(t) by share of light + noise, channel(t) = slow drift (an
Ornstein-Uhlenbeck process) + a term per night + a term per exposure; noise = photons and a jitter.

The floor is the root of the expected variance of ln(F1/F2) of two noiseless stars on different
channels about its mean over one exposure on each night of 365.25 days:

    floor = sqrt(2 [slow^2 V(tau) + night^2 + exposure^2 + jitter^2]),
    V = 1 - 2x (1 - x (1 - exp(-1/x))), x = tau / 365.25 d

All intervals are quantiles of the posterior over (slow, night, exposure, jitter, tau)
(``pipeline.statistics.posterior``); how often they hold the truth is measured by
``benchmarks.validation``.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy

from pipeline.schema.definitions import BAD_PROBABILITY
from pipeline.statistics.additive import (
    Additive,
    additive_posterior,
    common_pattern,
    find_additive,
    is_needed,
    with_additive,
)
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.log_fluxes import LogFluxes, log_fluxes
from pipeline.statistics.nodes import Nodes
from pipeline.statistics.outliers import (
    StarTest,
    bad_exposure_probability,
    excess_variance,
    fill_gaps,
    star_test,
)
from pipeline.statistics.posterior import posterior
from pipeline.statistics.prediction import ratio_variance
from pipeline.statistics.smoother import Courses, Smoother, Variances

MAX_ROUNDS = 8  # bad exposures and variable stars are looked for again after each fit
# degrees of freedom of 2 ln of the likelihood ratio of a floor against none: four variances, of which
# half are at their bound of 0 (Self & Liang 1987, JASA 82, 605), and a time scale
FREE_AT_ZERO = 3
MAX_BAD = 0.25  # of the exposures: more are no outliers


@dataclass(frozen=True)
class Components:
    """Standard deviations of ln: of one channel (slow, night, exposure) and one star (jitter)."""

    slow: float
    night: float
    exposure: float
    jitter: float


@dataclass(frozen=True)
class Prediction:
    """Standard deviation of one ln ratio, or of a difference of two, with a 95 % interval."""

    std: float
    low: float
    high: float


@dataclass(frozen=True)
class Stability:
    """One fit of the stability model."""

    logs: LogFluxes
    nodes: Nodes
    extra_variance: np.ndarray  # (star of logs,) of stars that vary
    bad_probability: np.ndarray  # (exposure of the fluxes,) NaN: too few usable fluxes
    free: np.ndarray | None = None
    additive: Additive | None = None  # None: no additive terms in the fit
    without_additive: LogFluxes | None = None  # logs with shares and variances as measured

    @property
    def floor(self) -> float:
        """Median of the posterior of the floor (ln, dimensionless)."""
        return float(self._quantile(self.nodes.floor, 0.5))

    def interval(self, level: float = 0.68, quantity: str = "floor") -> tuple[float, float]:
        """Central interval that holds a quantity with a probability.

        The floor's reaches down to 0 unless a likelihood ratio excludes 0 at that level.

        Parameters
        ----------
        level : float
            Between 0 and 1.
        quantity : str
            floor, within_night, slow, night, exposure, jitter or tau_days.
        """
        values = self._values(quantity)
        low, high = (self._quantile(values, p) for p in (0.5 - level / 2, 0.5 + level / 2))
        if quantity == "floor" and self.nodes.evidence < scipy.special.chdtri(
            FREE_AT_ZERO, (1 - level) / 2
        ):
            low = 0.0
        return float(low), float(high)

    @property
    def within_night(self) -> float:
        """sqrt(2 [exposure^2 + jitter^2]): scatter of a ratio from exposure to exposure."""
        return float(self._quantile(self._values("within_night"), 0.5))

    @property
    def components(self) -> Components:
        """Posterior medians; without two stars on one channel the jitter is part of exposure."""
        names = ("slow", "night", "exposure", "jitter")
        return Components(*(float(self._quantile(self._values(name), 0.5)) for name in names))

    @property
    def tau_days(self) -> float:
        """Posterior median of the time scale of the slow drift; says little where slow is small."""
        return float(self._quantile(self.nodes.tau_days, 0.5))

    @property
    def channels(self) -> np.ndarray:
        """(channel,) numbers of the channels that hold light of a star of the fit."""
        return self.logs.channels

    @cached_property
    def response(self) -> np.ndarray:
        """(exposure, channel) ln response, 0 in the mean over channels and over exposures of a mode.

        NaN where an exposure did not enter the fit.
        """
        return self._all_exposures(self._courses.value)

    @cached_property
    def response_err(self) -> np.ndarray:
        """(exposure, channel) 1-sigma errors of ``response``."""
        return self._all_exposures(self._courses.err)

    @property
    def bad_exposures(self) -> np.ndarray:
        """Row numbers of the exposures that were left out as bad."""
        with np.errstate(invalid="ignore"):
            return np.flatnonzero(self.bad_probability > BAD_PROBABILITY)

    def predict(
        self,
        snr_1: float,
        snr_2: float,
        *,
        same_channel: bool = False,
        lag_days: float | None = None,
    ) -> Prediction:
        """What a flux ratio of two stars will scatter by.

        Without a lag: standard deviation of one ln(F1/F2) about its mean over a year. With a lag:
        standard deviation of the difference of two, ``lag_days`` apart.

        Parameters
        ----------
        snr_1, snr_2 : float
            flux / flux_err of one exposure in the band, aperture and method of the fit.
        same_channel : bool
            Both stars on one channel: only photons and jitter remain.
        lag_days : float, optional
            0 (below half a day): the same night.

        Returns
        -------
        Prediction
            ``std`` and the 95 % interval of it.

        Raises
        ------
        ValueError
            If an SNR is not positive or the lag negative.
        """
        if not (snr_1 > 0 and snr_2 > 0):
            raise ValueError(f"SNR {snr_1} and {snr_2}: both must be positive")
        if lag_days is not None and not lag_days >= 0:
            raise ValueError(f"lag_days is {lag_days}; 0 or more expected")
        found = ratio_variance(self.nodes, same_channel=same_channel, lag_days=lag_days)
        variance = found.n_exposures * (1 / snr_1**2 + 1 / snr_2**2) + found.at_nodes
        low, std, high = (self._quantile(np.sqrt(variance), p) for p in (0.025, 0.5, 0.975))
        return Prediction(float(std), float(low), float(high))

    @cached_property
    def smoother(self) -> Smoother:
        """Predictor of channel terms at the posterior means of the variances."""
        return Smoother(self.logs, mean_variances(self.nodes), self.extra_variance, self.free)

    @cached_property
    def stars(self) -> StarTest:
        """Scatter of each star of the fit, against what the model expects."""
        return star_test(self.smoother)

    @cached_property
    def _courses(self) -> Courses:
        return self.smoother.channel_courses()

    def _all_exposures(self, values: np.ndarray) -> np.ndarray:
        full = np.full((len(self.bad_probability), values.shape[1]), np.nan)
        full[self.logs.exposures] = values
        return full

    def _values(self, quantity: str) -> np.ndarray:
        nodes = self.nodes
        if quantity in ("slow", "night", "exposure", "jitter"):
            return np.asarray(np.sqrt(getattr(nodes, quantity)))
        if quantity == "within_night":
            return np.asarray(np.sqrt(2 * (nodes.exposure + nodes.jitter)))
        if quantity in ("floor", "tau_days"):
            return np.asarray(getattr(nodes, quantity))
        raise ValueError(f"quantity {quantity!r} is not one of the model's")

    def _quantile(self, values: np.ndarray, probability: float) -> float:
        return float(self.nodes.quantile(values, np.array([probability]))[0])


def fit_stability(
    fluxes: Fluxes, *, additive: bool | None = None, find_bad: bool = True
) -> Stability:
    """The stability model of a campaign.

    Parameters
    ----------
    fluxes : Fluxes
        Only usable, positive fluxes enter. Without any known channel, every star counts as on a
        channel of its own.
    additive : bool, optional
        Light added to apertures, sky left over (``pipeline.statistics.additive``): True, terms for
        it are part of the model; False, they are not; left out, they are if the likelihood asks for
        them.
    find_bad : bool
        Look for bad exposures and leave them out; False where that was done before, with more stars.

    Returns
    -------
    Stability

    Raises
    ------
    TooFewFluxes
        A ValueError: there are too few exposures, stars or channels (``log_fluxes``).

    Examples
    --------
    >>> from pipeline.statistics.campaigns import CONFIGURATIONS, SCENARIOS, draw_campaign
    >>> campaign = draw_campaign(SCENARIOS["night"], CONFIGURATIONS["65x25"], seed=1)
    >>> stability = fit_stability(campaign.fluxes)
    >>> low, high = stability.interval(0.95)
    >>> bool(low < campaign.scenario.floor < high)
    True
    """
    found = fit_likeliest(fluxes, additive=additive, find_bad=find_bad)
    plain, extra = found.without_additive, found.extra_variance
    if found.additive is None or plain is None:
        return found
    free = common_pattern(plain)
    likeliest = find_additive(plain, extra, free, found.additive)
    nodes = additive_posterior(plain, extra, free, likeliest)
    return replace(found, logs=with_additive(plain, likeliest), nodes=nodes, additive=likeliest)


def fit_likeliest(
    fluxes: Fluxes, *, additive: bool | None = None, find_bad: bool = True
) -> Stability:
    """The same with additive terms at their likeliest values, in a fraction of the time.

    Enough for what needs no interval of the floor: bad exposures, trends. Parameters as of
    ``fit_stability``.
    """
    bad = np.zeros(len(fluxes.flux), dtype=bool)
    probability = np.full(len(bad), np.nan)
    extra_of_star: dict[int, float] = {}
    found = Additive() if additive else None
    for _ in range(MAX_ROUNDS):
        logs = log_fluxes(fluxes, drop_exposures=bad)
        extra = np.array([extra_of_star.get(star, 0.0) for star in logs.stars.tolist()])
        fit = _fit(logs, extra, found)
        if found is None and additive is None and is_needed(fit.logs, fit.nodes, extra):
            found = Additive()
        if found == Additive():
            fit = _fit_additive(fit.without_additive, extra, found)
            found = fit.additive
            # gaps that a model without these terms has filled would look like outliers
            if logs.gap.any():
                fit = _fit(logs, extra, found)
        smoother = Smoother(fit.logs, mean_variances(fit.nodes), extra, fit.free)
        current = bad_exposure_probability(smoother.exposure_chi2(), smoother.stars.vector.shape[1])
        probability[logs.exposures] = current
        added = excess_variance(smoother)
        worst = int(np.argmax(current))
        enough = bad.sum() >= MAX_BAD * len(bad)
        if added.any():
            star = int(np.argmax(added))
            extra_of_star[int(logs.stars[star])] = float(extra[star] + added[star])
        elif find_bad and current[worst] > BAD_PROBABILITY and not enough:
            bad[logs.exposures[worst]] = True
        else:
            break
    return Stability(
        fit.logs, fit.nodes, extra, probability, fit.free, fit.additive, fit.without_additive
    )


@dataclass(frozen=True)
class _Fit:
    """A fit at given additive terms."""

    logs: LogFluxes
    without_additive: LogFluxes  # as measured
    nodes: Nodes
    free: np.ndarray | None
    additive: Additive | None


def _fit(logs: LogFluxes, extra: np.ndarray, additive: Additive | None) -> _Fit:
    """The model with gaps filled by what a first fit predicts."""
    fit = _fit_once(logs, extra, additive)
    if not logs.gap.any():
        return fit
    smoother = Smoother(fit.logs, mean_variances(fit.nodes), extra, fit.free)
    return _fit_once(replace(logs, value=fill_gaps(smoother, fit.logs)), extra, additive)


def _fit_once(logs: LogFluxes, extra: np.ndarray, additive: Additive | None) -> _Fit:
    if additive is None:
        return _Fit(logs, logs, posterior(logs, extra_variance=extra), None, None)
    free, changed = common_pattern(logs), with_additive(logs, additive)
    nodes = posterior(changed, extra_variance=extra, free=free)
    return _Fit(changed, logs, nodes, free, additive)


def _fit_additive(logs: LogFluxes, extra: np.ndarray, start: Additive) -> _Fit:
    """The model with the likeliest additive terms, from terms that are near or none."""
    found = find_additive(logs, extra, common_pattern(logs), start)
    return _fit_once(logs, extra, found)


def mean_variances(nodes: Nodes) -> Variances:
    """Posterior means of the variances; tau weighted by how much slow drift it comes with."""
    slow = nodes.mean(nodes.slow)
    weight = nodes.weight * nodes.slow
    log_tau = float(weight @ np.log(nodes.tau_days)) / weight.sum() if slow > 0 else np.log(60.0)
    return Variances(
        slow=slow,
        night=nodes.mean(nodes.night),
        exposure=nodes.mean(nodes.exposure),
        jitter=nodes.mean(nodes.jitter),
        tau_days=float(np.exp(log_tau)),
    )

"""What the stability model says of a campaign, as published tables and reported values."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from astropy.table import QTable

from pipeline.schema import make_table
from pipeline.schema.definitions import BAD_PROBABILITY, reported
from pipeline.schema.results import Interval, ReportedValue
from pipeline.statistics.channel_tests import (
    channel_tests_table,
    step_power_table,
    structure_function_table,
)
from pipeline.statistics.conditions import conditions_table, without_conditions
from pipeline.statistics.consistency import log_fluxes as log_fluxes_of_chain
from pipeline.statistics.correction import correction_table
from pipeline.statistics.fluxes import OUTLIER, Fluxes
from pipeline.statistics.log_fluxes import TooFewFluxes
from pipeline.statistics.long_campaigns import bad_probability, fitted_exposures, of_exposures
from pipeline.statistics.prediction import prediction_table
from pipeline.statistics.stability import Stability, fit_likeliest, fit_stability
from pipeline.statistics.stability_table import quantity_with_bounds, stability_table
from pipeline.statistics.steps import MIN_SIDE, scan_steps
from pipeline.statistics.subsets import Series
from pipeline.statistics.variability import variability

# Row of the table stability, and the reported value that it is.
QUANTITIES = {
    "floor": "stability_floor",
    "within_night": "within_night",
    "slow": "channel_slow",
    "night": "channel_night",
    "exposure": "channel_exposure",
    "jitter": "star_jitter",
    "tau_days": "slow_timescale",
}


@dataclass(frozen=True)
class Model:
    """The fit of a campaign and its tables; no fit where there are too few fluxes."""

    fit: Stability | None  # which tells the bad exposures
    tables: dict[str, QTable]
    numbers: tuple[ReportedValue, ...]
    exposure_ids: np.ndarray  # (exposure,)
    bad_probability: np.ndarray  # (exposure,) NaN: not known
    fitted: np.ndarray  # row numbers of the exposures that were given to the fit
    used: np.ndarray  # and of those that the floor comes from

    @property
    def bad(self) -> np.ndarray:
        """Row numbers of the exposures that are left out of every statistic of ours."""
        with np.errstate(invalid="ignore"):
            return np.flatnonzero(self.bad_probability > BAD_PROBABILITY)


def fluxes_of_series(series: Series, snr: dict[int, float]) -> Fluxes:
    """Fluxes of the stars of a chain of pairs, from the ratios of the pairs alone.

    What all stars of an exposure share is not in their ratios; the stability model does not ask.

    Parameters
    ----------
    series : Series
        Deviations of pairs that tie all stars together.
    snr : mapping of star to SNR of one exposure
        The errors; a star that is not in it has none.
    """
    known = log_fluxes_of_chain(series)
    stars = sorted(known)
    flux = np.exp(np.column_stack([known[star] for star in stars]))
    relative = np.array([1.0 / snr.get(star, np.inf) for star in stars])
    return Fluxes(
        flux=flux,
        flux_err=flux * np.where(relative > 0, relative, np.nan),
        nights=series.nights,
        mjd=series.mjd,
        star_ids=np.array(stars, int),
        exposure_ids=series.exposure_ids,
        modes=series.modes,
    )


def chain_table(fluxes: Fluxes) -> QTable:
    """The table ``chain_fluxes``: ln F of the stars of a chain of pairs (``fluxes_of_series``)."""
    n_exposures, n_stars = fluxes.flux.shape
    return make_table(
        "chain_fluxes",
        {
            "exposure_id": np.repeat(fluxes.exposure_ids, n_stars),
            "star_id": np.tile(fluxes.star_ids, n_exposures),
            "ln_flux": np.log(fluxes.flux).ravel(),
            "ln_flux_err": (fluxes.flux_err / fluxes.flux).ravel(),
        },
        band=fluxes.band,
        radius=fluxes.radius_px,
    )


def model_of(
    fluxes: Fluxes,
    stars_left_out: tuple[int, ...],
    *,
    source: str,
    method: str,
    background_std: np.ndarray | None = None,
    covariates: Mapping[str, np.ndarray] | None = None,
) -> Model:
    """The stability model of a campaign without some stars, its tables and its numbers.

    Everything comes from all stars that are left, and from all exposures unless there are more than one
    fit can hold (``pipeline.statistics.long_campaigns``). Sky residuals that follow the response of a channel
    would count as the channel's own drift: the model has terms for them where the likelihood asks
    for it (``pipeline.statistics.additive``).

    Parameters
    ----------
    fluxes : Fluxes
    stars_left_out : star numbers
        Those that carry a flag in the catalogue.
    source : str
        Where the numbers come from, in words.
    method : str
        How fluxes were extracted.
    background_std : ndarray, shape (exposure, star), optional
        Scatter of blank sky beyond its noise, in the unit of the fluxes; part of their errors here.
    covariates : mapping of name to ndarray, shape (exposure,), optional
        What may change ratios (``pipeline.statistics.conditions``); what does is taken out first.
    """
    left_out = np.isin(fluxes.star_ids, np.array(stars_left_out, dtype=int))
    everything = replace(fluxes, flux_flags=np.where(left_out, "left out", fluxes.flux_flags))
    rows = fitted_exposures(everything)
    clean = of_exposures(everything, rows)
    background = np.zeros(clean.flux.shape)
    if background_std is not None:
        background = np.nan_to_num(background_std[rows])
    covariates = {name: values[rows] for name, values in (covariates or {}).items()}
    try:
        # Exposures are judged with each star on the channel that holds most of it.
        found = fit_likeliest(replace(clean, channel_share=np.empty(0)))
        used = _without_bad(clean, found)
        used = replace(used, flux_err=np.hypot(used.flux_err, background))
        known = without_conditions(used, covariates, used.xy)
        used = known.fluxes
        fit = fit_stability(used, find_bad=False)
    except TooFewFluxes:
        unknown = np.full(len(fluxes.flux), np.nan)
        return Model(None, {}, (), fluxes.exposure_ids, unknown, rows, np.empty(0, int))
    tables = {
        "stability": stability_table(fit),
        "prediction": prediction_table(fit.nodes),
        "correction": correction_table(
            fit, exposure_ids=clean.exposure_ids[fit.logs.exposures], band=clean.band
        ),
        "variability": variability(used, stability=fit, method=method),
        "channel_responses": channel_table(used, fit),
        "structure_function": structure_function_table(fit),
    }
    if known.effects:
        tables["conditions"] = conditions_table(known.effects)
    if not (clean.channel > 0).any():
        del tables["correction"], tables["channel_responses"]  # its channels are the stars
    elif len(fit.channels) > 2 and len(fit.logs.mjd) >= 2 * MIN_SIDE:
        scan = scan_steps(fit)
        tables["channel_tests"] = channel_tests_table(fit, scan)
        tables["step_power"] = step_power_table(scan)
    return Model(
        found,
        tables,
        reported_values(fit, source),
        fluxes.exposure_ids,
        bad_probability(replace(everything, channel_share=np.empty(0)), rows, found),
        rows,
        rows[fit.logs.exposures],
    )


def _without_bad(fluxes: Fluxes, found: Stability) -> Fluxes:
    """The fluxes with the bad exposures of a fit flagged."""
    flags = fluxes.exposure_flags.copy().astype(object)
    flags[found.bad_exposures] = OUTLIER
    return replace(fluxes, exposure_flags=flags.astype(str))


def with_bad_probability(exposures: QTable, model: Model) -> QTable:
    """The table ``exposures`` with the probability that each is bad; NaN: not part of the fit."""
    probability = dict(
        zip(model.exposure_ids.tolist(), model.bad_probability.tolist(), strict=True)
    )
    found = exposures.copy()
    ids = [str(name) for name in exposures["exposure_id"]]
    found["bad_probability"][:] = [probability.get(name, np.nan) for name in ids]
    return found


def reported_values(fit: Stability, source: str) -> tuple[ReportedValue, ...]:
    """The floor and its parts, those that the data tell apart, as reported values."""
    found = []
    for name, quantity in QUANTITIES.items():
        value, bounds = quantity_with_bounds(fit, name)
        if np.isnan(value):
            continue
        sigma = (bounds[1] - bounds[0]) / 2
        found.append(
            reported(
                quantity,
                value,
                source=source,
                interval=Interval(sigma, *bounds),
                n=len(fit.logs.exposures),
                n_stars=len(fit.logs.stars),
                n_channels=len(fit.channels),
            )
        )
    return tuple(found)


def channel_table(fluxes: Fluxes, fit: Stability) -> QTable:
    """The table ``channel_responses``: each channel's course, exposures that entered the fit only."""
    rows, channels = fit.logs.exposures, fit.channels
    on_channel = fluxes.channel[fit.logs.stars]
    n_stars = [int(np.count_nonzero(on_channel == channel)) for channel in channels.tolist()]
    return make_table(
        "channel_responses",
        {
            "exposure_id": np.repeat(fluxes.exposure_ids[rows], len(channels)),
            "channel": np.tile(channels, len(rows)),
            "response": fit.response[rows].ravel(),
            "response_err": fit.response_err[rows].ravel(),
            "n_stars": np.tile(n_stars, len(rows)),
        },
    )

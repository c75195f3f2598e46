"""What statistics make of the fluxes."""

from collections.abc import Mapping

from pipeline.muse.geometry import N_CHANNELS
from pipeline.schema.column import (
    BAND,
    EXPOSURE_ID,
    MODE,
    NIGHT,
    RADIUS,
    STAR,
    STAR_1,
    STAR_2,
    Column,
    column,
)
from pipeline.schema.definitions import DEFINITIONS

_BOOTSTRAP_ERR = "1 sigma of {} over draws of these nights, whatever outliers they hold"


def quantity(name: str, ucd: str) -> Column:
    """A column that holds a defined quantity: unit, meaning and head are the definition's."""
    known = DEFINITIONS[name]
    return Column(name, "f8", known.unit, known.description, ucd, known.label)


STATISTICS: Mapping[str, tuple[Column, ...]] = {
    "pairs": (
        STAR_1,
        STAR_2,
        BAND,
        RADIUS,
        column("n", "i8", "", "exposures of status ok with both fluxes and no flag", "meta.number", "n"),
        quantity("ratio_mean", "phot.flux;arith.ratio;stat.mean"),
        quantity("std_published", "stat.stdev"),
        quantity("std", "stat.stdev"),
        quantity("std_robust", "stat.stdev"),
        quantity("photon_std", "stat.error"),
        quantity("excess_std", "stat.stdev"),
        quantity("excess_std_err", "stat.error;stat.stdev"),
        quantity("spearman_rho", "stat.correlation"),
        quantity("spearman_p", "stat.probability"),
        quantity("spearman_p_nights", "stat.probability"),
        quantity("slope_per_year", "stat.fit.param"),
        quantity("slope_err", "stat.error"),
        quantity("trend_p", "stat.probability"),
        quantity("trend_p_adjusted", "stat.probability"),
        quantity("snr_ratio", "stat.snr;arith.ratio"),
        quantity("snr_gmean", "stat.snr"),
        column("separation_px", "f8", "pix", "distance of the two stars", "pos.angDistance;instr.pixel", "separation"),
        column("same_channel", "bool", "", "both stars on one MUSE channel", "meta.code", "one channel"),
    ),
    "timelines": (
        EXPOSURE_ID,
        NIGHT,
        MODE,
        STAR_1,
        STAR_2,
        column("deviation", "f8", "", "(F1/F2)/<F1/F2> - 1 in {band}, r = {radius} px, <F1/F2> the mean over usable exposures", "phot.flux;arith.ratio"),
        column("deviation_err", "f8", "", "1 sigma: photon and detector noise, photometry.stat_factor times STAT, nothing else", "stat.error"),
        column("flag", "str", "", "empty, or why the point is not used", "meta.code.qual"),
    ),
    "reanalysis": (
        STAR_1,
        STAR_2,
        column("subset", "str", "", "which points: all, without outliers, one mode, one season, ...", "meta.code", "points"),
        column("n", "i8", "", "points", "meta.number", "n"),
        column("n_nights", "i8", "", "nights", "meta.number", "nights"),
        column("mean_shift", "f8", "", "mean of these deviations about the mean of all: what renormalising removes", "phot.flux;arith.ratio;stat.mean", "mean shift"),
        quantity("std_published", "stat.stdev"),
        column("std_published_err", "f8", "", _BOOTSTRAP_ERR.format("std_published"), "stat.error"),
        quantity("std", "stat.stdev"),
        column("std_err", "f8", "", _BOOTSTRAP_ERR.format("std"), "stat.error"),
        quantity("std_robust", "stat.stdev"),
        column("std_robust_err", "f8", "", _BOOTSTRAP_ERR.format("std_robust"), "stat.error"),
        column("reading_err", "f8", "", "1 sigma of std_published from reading the figure alone; 0 for measured data", "stat.error"),
        quantity("spearman_rho", "stat.correlation"),
        quantity("spearman_p", "stat.probability"),
        quantity("spearman_rho_nights", "stat.correlation"),
        quantity("spearman_p_nights", "stat.probability"),
        column("slope_per_year", "f8", "yr-1", "linear trend of the deviation: weighted least squares", "stat.fit.param", "slope"),
        column("slope_err", "f8", "yr-1", "1 sigma of the slope, from errors and excess scatter", "stat.error", "± slope"),
    ),
    "channel_responses": (
        EXPOSURE_ID,
        column("channel", "i8", "", f"MUSE channel (IFU) 1-{N_CHANNELS}", "meta.id;instr"),
        column("response", "f8", "", "ln response relative to the mean channel and to the mean exposure", "phys.transmission;arith.ratio"),
        column("response_err", "f8", "", "1 sigma from flux_err", "stat.error"),
        column("n_stars", "i8", "", "stars of this channel in the fit", "meta.number"),
    ),
    "chain_fluxes": (
        EXPOSURE_ID,
        STAR,
        column("ln_flux", "f8", "", "ln F in {band}, r = {radius} px, up to a constant of the star and one of the exposure: only ratios of stars mean something", "phot.flux"),
        column("ln_flux_err", "f8", "", "1 sigma, 1/SNR of one exposure: photon and detector noise, not that of reading the figure", "stat.error;phot.flux"),
    ),
    "stability": (
        column("quantity", "str", "", "floor, within_night, slow, night, exposure, jitter (standard deviations of ln), tau_days", "meta.id"),
        column("value", "f8", "", "posterior median, in the unit of the row", "stat.value"),
        column("low68", "f8", "", "lower end of the central 68 % interval", "stat.error;stat.min"),
        column("high68", "f8", "", "upper end of the central 68 % interval", "stat.error;stat.max"),
        column("low95", "f8", "", "lower end of the central 95 % interval", "stat.error;stat.min"),
        column("high95", "f8", "", "upper end of the central 95 % interval", "stat.error;stat.max"),
        column("unit", "str", "", "unit of value and intervals; empty: ln, dimensionless", "meta.unit"),
        column("n", "i8", "", "exposures in the fit", "meta.number"),
    ),
    "prediction": (
        column("same_channel", "bool", "", "both stars on one MUSE channel", "meta.code"),
        column("lag_days", "f8", "d", "days between two exposures; missing: one ratio about its mean over a year", "time.interval"),
        column("n_exposures", "i8", "", "m: 1, or 2 for the difference of two exposures", "meta.number"),
        column("probability", "f8", "", "of a standard deviation below that of the row", "stat.probability"),
        column("variance_low", "f8", "", "v1 of the row's standard deviation of ln(F1/F2), (1 - w) sqrt(m P + v1) + w sqrt(m P + v2), P = 1/SNR1^2 + 1/SNR2^2", "stat.variance;stat.min"),
        column("variance_high", "f8", "", "v2", "stat.variance;stat.max"),
        column("weight_high", "f8", "", "w", "stat.weight"),
    ),
    "correction": (
        EXPOSURE_ID,
        NIGHT,
        MODE,
        column("channel", "i8", "", "MUSE channel (IFU) 1-24", "meta.id;instr"),
        BAND,
        column("factor", "f8", "", "response of the channel relative to the mean channel: divide fluxes by it", "phys.transmission;arith.ratio"),
        column("factor_err", "f8", "", "1 sigma of factor", "stat.error"),
    ),
    "variability": (
        STAR,
        BAND,
        column("method", "str", "", "how fluxes were extracted", "meta.code"),
        column("n", "i8", "", "exposures in the fit", "meta.number"),
        column("std", "f8", "", "standard deviation of ln F about the prediction from all other stars", "stat.stdev"),
        column("expected_std", "f8", "", "what photons, jitter and channel terms make of it", "stat.stdev"),
        column("probability", "f8", "", "of a scatter this large without variability, after Holm over all stars", "stat.probability"),
        column("flag", "str", "", "variable, or empty", "meta.code.qual"),
    ),
    "recovery": (
        column("quantity", "str", "", "what is compared with the truth of the simulation", "meta.id"),
        column("measured", "f8", "", "what the pipeline found", "stat.value", "found"),
        column("expected", "f8", "", "what the truth says", "stat.value", "true"),
        column("tolerance", "f8", "", "largest accepted difference", "stat.error"),
        column("unit", "str", "", "unit of the three numbers", "meta.unit"),
        column("passed", "bool", "", "measured within tolerance of expected", "meta.code.qual", "verdict"),
        column("meaning", "str", "", "what is compared, and where the tolerance comes from", "meta.note"),
    ),
}

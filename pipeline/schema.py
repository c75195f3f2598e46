"""Every published table: its columns, their types, units, meanings and UCDs, in one place.

Pages, downloads and tests take them from here. ``NaN`` in a floating-point column means that the
value is missing, never zero; an empty string in ``flags``, ``reason`` means "none".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable

APERTURE_RADII_PX = (1.5, 2.5, 3.5, 4.5, 5.5)  # the five of the 2021 study; the snr table's columns


@dataclass(frozen=True)
class Column:
    """One column of a published table."""

    name: str
    dtype: str  # "str", "bool", "i8" or "f8"
    unit: str  # astropy unit string; "" for text and pure numbers
    description: str
    ucd: str = ""


def _c(name: str, dtype: str, unit: str, description: str, ucd: str = "") -> Column:
    return Column(name, dtype, unit, description, ucd)


_EXPOSURE_ID = _c(
    "exposure_id", "str", "", "identity: dp_id, or the file name without one", "meta.id"
)
_NIGHT = _c("night", "str", "", "UT date of exposure start minus 12 h", "time.epoch")
_MODE = _c("mode", "str", "", "instrument mode (ESO INS MODE)", "meta.code;instr.setup")
_STAR = _c("star_id", "i8", "", "star number in the reference catalogue", "meta.id")
_STAR_1 = _c("star_1", "i8", "", "star in the numerator", "meta.id")
_STAR_2 = _c("star_2", "i8", "", "star in the denominator", "meta.id")
_BAND = _c("band", "str", "", "passband", "meta.id;instr.bandpass")
_RADIUS = _c("radius_px", "f8", "pix", "aperture radius", "phys.angSize;instr.pixel")

TABLES: Mapping[str, tuple[Column, ...]] = {
    "exposures": (
        _EXPOSURE_ID,
        _c(
            "dp_id",
            "str",
            "",
            "data product id of the archive: ARCFILE, else MUSE.DATE-OBS",
            "meta.id",
        ),
        _NIGHT,
        _MODE,
        _c("mjd_mid", "f8", "d", "Modified Julian Date (UTC) of mid-exposure", "time.epoch"),
        _c("airmass", "f8", "", "mean of airmass at start and end", "obs.airMass"),
        _c(
            "seeing_arcsec",
            "f8",
            "arcsec",
            "mean DIMM seeing at start and end",
            "instr.obsty.seeing",
        ),
        _c("exptime_s", "f8", "s", "exposure time", "time.duration;obs.exposure"),
        _c("n_detected", "i8", "", "DAOFIND detections outside the standard's mask", "meta.number"),
        _c("n_matched", "i8", "", "detections matched to reference stars", "meta.number"),
        _c("a", "f8", "", "affine, reference to exposure: x' = a x + b y + c", "stat.fit.param"),
        _c("b", "f8", "", "affine: x' = a x + b y + c", "stat.fit.param"),
        _c("c", "f8", "pix", "affine: x' = a x + b y + c", "stat.fit.param"),
        _c("d", "f8", "", "affine: y' = d x + e y + f", "stat.fit.param"),
        _c("e", "f8", "", "affine: y' = d x + e y + f", "stat.fit.param"),
        _c("f", "f8", "pix", "affine: y' = d x + e y + f", "stat.fit.param"),
        _c(
            "match_rms_px",
            "f8",
            "pix",
            "rms distance of matched stars from the affine",
            "stat.fit.residual",
        ),
        _c(
            "status",
            "str",
            "",
            "ok, excluded (rule or reviewed flag) or failed (typed error)",
            "meta.code.status",
        ),
        _c("reason", "str", "", "why the status is not ok", "meta.note"),
        _c("simulated", "bool", "", "true if the exposure was simulated", "meta.code"),
    ),
    "catalogue": (
        _STAR,
        _c(
            "x",
            "f8",
            "pix",
            "position in the reference exposure, 0-based",
            "pos.cartesian.x;instr.det",
        ),
        _c(
            "y",
            "f8",
            "pix",
            "position in the reference exposure, 0-based",
            "pos.cartesian.y;instr.det",
        ),
        _c("flux", "f8", "", "DAOFIND flux in the detection image [cube unit]", "phot.flux"),
        _c(
            "channel",
            "i8",
            "",
            "MUSE channel (IFU) 1-24 that holds most of the star, 0: unknown",
            "meta.id;instr",
        ),
        _c(
            "slice",
            "i8",
            "",
            "slice 1-48 on the sky within the channel, 0: unknown",
            "meta.id;instr",
        ),
        _c(
            "edge_distance_px",
            "f8",
            "pix",
            "distance to the nearest spaxel without data",
            "pos.distance",
        ),
        _c("flags", "str", "", "edge, blended, near_standard; space separated", "meta.code.qual"),
    ),
    "photometry": (
        _EXPOSURE_ID,
        _STAR,
        _BAND,
        _RADIUS,
        _c("flux", "f8", "", "mean flux density in the passband [cube unit]", "phot.flux.density"),
        _c(
            "flux_err",
            "f8",
            "",
            "1 sigma from STAT: photons and detector, no covariance",
            "stat.error;phot.flux.density",
        ),
        _c("snr", "f8", "", "flux / flux_err", "stat.snr"),
        _c(
            "coverage",
            "f8",
            "",
            "share of aperture and passband weight on finite samples",
            "stat.value",
        ),
        _c("flags", "str", "", "edge, gap; space separated", "meta.code.qual"),
    ),
    "snr": (
        _STAR,
        *(
            _c(
                f"r{radius}",
                "f8",
                "",
                f"I_Bessel SNR, r = {radius} px, reference exposure",
                "stat.snr",
            )
            for radius in APERTURE_RADII_PX
        ),
    ),
    "pairs": (
        _STAR_1,
        _STAR_2,
        _BAND,
        _RADIUS,
        _c("n", "i8", "", "exposures with both fluxes and no flag", "meta.number"),
        _c("ratio_mean", "f8", "", "<F1/F2>: mean over those exposures", "stat.mean;arith.ratio"),
        _c(
            "std_published",
            "f8",
            "",
            "std of F1/F2/<F1/F2> - 1 as the study: sorted, both extremes dropped, ddof 0",
            "stat.stdev",
        ),
        _c("std", "f8", "", "sample standard deviation (ddof 1) of the deviations", "stat.stdev"),
        _c("std_robust", "f8", "", "1.4826 x median absolute deviation", "stat.stdev"),
        _c("photon_std", "f8", "", "root mean square of deviation_err", "stat.error"),
        _c(
            "excess_std",
            "f8",
            "",
            "scatter beyond photon noise, maximum likelihood; NaN if undefined",
            "stat.stdev",
        ),
        _c("excess_std_err", "f8", "", "1 sigma of excess_std", "stat.error;stat.stdev"),
        _c(
            "spearman_rho",
            "f8",
            "",
            "Spearman rank correlation of deviation with time, per exposure",
            "stat.correlation",
        ),
        _c("spearman_p", "f8", "", "two-sided p of spearman_rho", "stat.probability"),
        _c("spearman_p_nights", "f8", "", "the same from nightly means", "stat.probability"),
        _c(
            "slope_per_year",
            "f8",
            "yr-1",
            "weighted linear trend of the deviation",
            "stat.fit.param",
        ),
        _c(
            "slope_err",
            "f8",
            "yr-1",
            "1 sigma of the slope, including excess scatter",
            "stat.error",
        ),
        _c(
            "snr_gmean",
            "f8",
            "",
            "geometric mean SNR of the two stars, reference exposure",
            "stat.snr",
        ),
        _c("separation_px", "f8", "pix", "distance of the two stars", "pos.angDistance"),
        _c("same_channel", "bool", "", "both stars on one MUSE channel", "meta.code"),
    ),
    "timelines": (
        _EXPOSURE_ID,
        _NIGHT,
        _MODE,
        _STAR_1,
        _STAR_2,
        _c("deviation", "f8", "", "(F1/F2)/<F1/F2> - 1, I_Bessel, r = 4.5 px", "arith.ratio"),
        _c(
            "deviation_err",
            "f8",
            "",
            "1 sigma: photon and detector noise as in STAT, nothing else",
            "stat.error",
        ),
        _c("flag", "str", "", "empty, or why the point is not used", "meta.code.qual"),
    ),
    "availability": (
        _c("date", "str", "", "night", "time.epoch"),
        *(
            _c(
                f"wfm_{mode}",
                "str",
                "",
                f"{mode}: SCI, NOSCI (no science exposure that night) or masked",
                "meta.code",
            )
            for mode in ("noao_n", "noao_e", "ao_n", "ao_e")
        ),
    ),
    # The record of 2021: what was read off its figures, beside the tables above.
    "timelines_digitised": (
        _EXPOSURE_ID,
        _STAR_1,
        _STAR_2,
        _c(
            "value",
            "f8",
            "",
            "deviation as plotted; for outlier_bound only the bound",
            "arith.ratio",
        ),
        _c("value_err", "f8", "", "1 sigma of rounding to whole pixels", "stat.error"),
        _c(
            "value_implied",
            "f8",
            "",
            "value that follows because a panel's 65 values sum to zero; NaN where it was read",
            "arith.ratio",
        ),
        _c("value_implied_err", "f8", "", "1 sigma of value_implied", "stat.error"),
        _c(
            "visible_fraction",
            "f8",
            "",
            "share of the marker that no other one covers",
            "stat.value",
        ),
        _c(
            "digitised_flag",
            "str",
            "",
            "empty, outlier_bound, behind_legend or overlapped",
            "meta.code.qual",
        ),
    ),
    "snr_scatter": (
        _c("snr_gmean", "f8", "", "geometric mean SNR of the two stars, as read", "stat.snr"),
        _c("snr_gmean_err", "f8", "", "1 sigma of rounding to whole pixels", "stat.error"),
        _c("std", "f8", "", "std_published of the pair, as read", "stat.stdev"),
        _c("std_err", "f8", "", "1 sigma of rounding and axis calibration", "stat.error"),
        _c(
            "star_1",
            "i8",
            "",
            "star in the numerator, 0: not known which of the candidates",
            "meta.id",
        ),
        _c(
            "star_2",
            "i8",
            "",
            "star in the denominator, 0: not known which of the candidates",
            "meta.id",
        ),
        _c("candidates", "str", "", "pairs that fall in this pixel column", "meta.note"),
        _c(
            "visible_fraction",
            "f8",
            "",
            "share of the marker that no other one covers",
            "stat.value",
        ),
    ),
    "coordtrafo": (
        _c(
            "kind",
            "str",
            "",
            "reference, detected, or transformed (reference taken through the study's affine)",
            "meta.code",
        ),
        _STAR,
        _c("x", "f8", "pix", "position, 0-based", "pos.cartesian.x;instr.det"),
        _c("y", "f8", "pix", "position, 0-based", "pos.cartesian.y;instr.det"),
        _c("x_err", "f8", "pix", "1 sigma of rounding to whole pixels", "stat.error"),
        _c("y_err", "f8", "pix", "1 sigma of rounding to whole pixels", "stat.error"),
        _c("spurious", "bool", "", "detection without a reference star", "meta.code.qual"),
    ),
    "spectrum_levels": (
        _STAR,
        _RADIUS,
        _c(
            "level_3000",
            "f8",
            "",
            "level at layer 3000, in the Ca II 8498 A line [arbitrary unit]",
            "phot.flux.density",
        ),
        _c("level_3000_err", "f8", "", "1 sigma of reading the figure", "stat.error"),
        _c(
            "level_2860_2985",
            "f8",
            "",
            "median level of layers 2860 to 2985 [arbitrary unit]",
            "phot.flux.density",
        ),
        _c("level_2860_2985_err", "f8", "", "1 sigma of reading the figure", "stat.error"),
        _c("scatter_2860_2985", "f8", "", "scatter over these layers", "stat.stdev"),
    ),
    "claims": (
        _c("key", "str", "", "stable identity", "meta.id"),
        _c("value", "f8", "", "number as printed in the study", "stat.value"),
        _c("unit", "str", "", "unit of the number", "meta.unit"),
        _c("statement", "str", "", "what the study says of it, in our words", "meta.note"),
        _c("source", "str", "", "where it is printed", "meta.ref"),
    ),
    # Statistics beyond pairs.
    "reanalysis": (
        _STAR_1,
        _STAR_2,
        _c(
            "subset",
            "str",
            "",
            "which points: all, without outliers, one mode, one season, ...",
            "meta.code",
        ),
        _c("n", "i8", "", "points", "meta.number"),
        _c("n_nights", "i8", "", "nights", "meta.number"),
        _c(
            "mean_shift",
            "f8",
            "",
            "mean of these deviations about the mean of all: what renormalising removes",
            "stat.mean",
        ),
        _c(
            "std_published",
            "f8",
            "",
            "sorted, both extremes dropped, ddof 0, about the subset's own mean",
            "stat.stdev",
        ),
        _c("std_published_err", "f8", "", "1 sigma: bootstrap over nights", "stat.error"),
        _c("std", "f8", "", "sample standard deviation (ddof 1)", "stat.stdev"),
        _c("std_err", "f8", "", "1 sigma: bootstrap over nights", "stat.error"),
        _c("std_robust", "f8", "", "1.4826 x median absolute deviation", "stat.stdev"),
        _c("std_robust_err", "f8", "", "1 sigma: bootstrap over nights", "stat.error"),
        _c(
            "reading_err",
            "f8",
            "",
            "1 sigma of std_published from reading the figure alone; 0 for measured data",
            "stat.error",
        ),
        _c(
            "spearman_rho",
            "f8",
            "",
            "Spearman correlation with time, per point",
            "stat.correlation",
        ),
        _c("spearman_p", "f8", "", "two-sided p of spearman_rho", "stat.probability"),
        _c("spearman_rho_nights", "f8", "", "the same from nightly means", "stat.correlation"),
        _c("spearman_p_nights", "f8", "", "two-sided p of spearman_rho_nights", "stat.probability"),
        _c("slope_per_year", "f8", "yr-1", "linear trend of the deviation", "stat.fit.param"),
        _c(
            "slope_err",
            "f8",
            "yr-1",
            "1 sigma of the slope, including excess scatter",
            "stat.error",
        ),
    ),
    "differences": (
        _c("key", "str", "", "stable identity", "meta.id"),
        _c("subject", "str", "", "what it is about", "meta.note"),
        _c("published", "str", "", "what the study says", "meta.note"),
        _c("data", "str", "", "what its data say", "meta.note"),
        _c("value_published", "f8", "", "number in the study; NaN: none", "stat.value"),
        _c("value_data", "f8", "", "the same number from the data", "stat.value"),
        _c("value_err", "f8", "", "1 sigma of value_data; NaN: none stated", "stat.error"),
        _c("agrees", "bool", "", "the data confirm what the study says", "meta.code.qual"),
        _c("matters", "str", "", "why it matters", "meta.note"),
    ),
    "channel_responses": (
        _EXPOSURE_ID,
        _c("channel", "i8", "", "MUSE channel (IFU) 1-24", "meta.id;instr"),
        _c(
            "response",
            "f8",
            "",
            "ln response relative to the mean channel and to the mean exposure",
            "arith.ratio",
        ),
        _c("response_err", "f8", "", "1 sigma from flux_err", "stat.error"),
        _c("n_stars", "i8", "", "stars of this channel in the fit", "meta.number"),
    ),
    "recovery": (
        _c("quantity", "str", "", "what is compared with the truth of the simulation", "meta.id"),
        _c("measured", "f8", "", "what the pipeline found", "stat.value"),
        _c("expected", "f8", "", "what the truth says", "stat.value"),
        _c("tolerance", "f8", "", "largest accepted difference", "stat.error"),
        _c("unit", "str", "", "unit of the three numbers", "meta.unit"),
        _c("passed", "bool", "", "measured within tolerance of expected", "meta.code.qual"),
        _c(
            "meaning",
            "str",
            "",
            "what is compared, and where the tolerance comes from",
            "meta.note",
        ),
    ),
}

_EMPTY = {"str": "", "bool": False, "i8": 0, "f8": np.nan}


def make_table(
    name: str, columns: Mapping[str, Sequence[object] | np.ndarray], **meta: object
) -> QTable:
    """A published table with the schema's columns, types, units and descriptions.

    Parameters
    ----------
    name : str
        A key of ``TABLES``.
    columns : mapping of column name to sequence, all of one length
        Plain numbers in the schema's units. A masked array stays masked.

    Raises
    ------
    KeyError
        If a column is missing or unknown: a defect of the caller, not of the data.
    """
    expected = {column.name: column for column in TABLES[name]}
    if set(columns) != set(expected):
        missing, unknown = (
            sorted(set(expected) - set(columns)),
            sorted(set(columns) - set(expected)),
        )
        raise KeyError(f"table {name!r}: missing {missing}, unknown {unknown}")
    table = QTable(meta={"table": name, **meta})
    for key, column in expected.items():
        values = columns[key]
        kind = (
            np.str_
            if column.dtype == "str"
            else np.dtype(column.dtype if column.dtype != "bool" else "?")
        )
        array = (
            values.astype(kind)
            if isinstance(values, np.ma.MaskedArray)
            else np.asarray(values, kind)
        )
        table[key] = array * u.Unit(column.unit) if column.unit else array
        table[key].info.description = column.description
        if column.ucd:
            table[key].info.meta = {"ucd": column.ucd}
    return table


def empty_value(column: Column) -> object:
    """What stands in a cell whose value is missing: NaN, an empty string, 0 or False."""
    return _EMPTY[column.dtype]

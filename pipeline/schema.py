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

"""The record of Herenz and Bian (2021) as published tables, to compare any campaign with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import QTable

from pipeline.config.settings import StatisticsSettings
from pipeline.published.files import DATA, RecordFiles, read_files
from pipeline.schema import make_table
from pipeline.schema.availability import availability_table
from pipeline.schema.publications import STUDY

FIELD_NAME = "LTT 3218"
BAND, RADIUS_PX = "I_Bessel", 4.5  # passband and aperture of the timelines and of the SNR
REFERENCE = ("2019-03-10", "WFM-AO-N")  # night and mode of the reference exposure
TRANSFORMED = ("2019-05-08", "WFM-AO-N")  # the other exposure of the transformation figure
EDGE_STAR = 25  # the study leaves it out: too close to the edge of the field
IMPLIED = "beyond the plotted range: value implied by the normalisation"

NOTES = (
    f"Every number was read off a figure of {STUDY.short} or copied from its tables; nothing is "
    "simulated.",
    "The record gives the night of an exposure but not its time, so trends are counted in nights.",
    "The record gives no errors of single fluxes: its photon noise is computed from the SNR of each "
    "star in the reference exposure.",
    "Three points lie outside the plotted range. They were calculated from the other points of their "
    "panel, which add up to zero.",
)


@dataclass(frozen=True)
class Record:
    """The published tables of the record, names and columns as in ``pipeline.schema``."""

    tables: Mapping[str, QTable]
    reference_exposure: str
    notes: tuple[str, ...] = NOTES


def exposure_id(night: str, mode: str) -> str:
    """Identity of an exposure of the record, which has no ``dp_id``."""
    return f"{FIELD_NAME.replace(' ', '')}.{night}.{mode}"


def read_record(
    folder: Path = DATA,
    *,
    blend_distance_px: float = StatisticsSettings.blend_distance_px,
) -> Record:
    """The record, checked, as published tables.

    Parameters
    ----------
    folder : Path
        Where the digitised files are.
    blend_distance_px : float
        Stars closer than this to a neighbour carry the flag ``blended``.

    Raises
    ------
    RecordDamaged
        If a file is missing or is not what was digitised.
    """
    files = read_files(folder)
    return Record(
        tables={
            "exposures": _exposures(files),
            "catalogue": _catalogue(files, blend_distance_px),
            "timelines": _timelines(files),
            "timelines_digitised": _timelines_digitised(files),
            "snr": make_table(
                "snr",
                {name: files.snr[name] for name in files.snr.colnames},
                exposure=exposure_id(*REFERENCE),
                band=BAND,
            ),
            "snr_scatter": _snr_scatter(files),
            "coordtrafo": _coordtrafo(files),
            "spectrum_levels": _same(files.spectrum_levels, "spectrum_levels"),
            "availability": _availability(files),
            "claims": _same(files.claims, "claims"),
        },
        reference_exposure=exposure_id(*REFERENCE),
    )


def _values(column: object) -> np.ndarray:
    return np.asarray(getattr(column, "value", column))


def _same(table: QTable, name: str) -> QTable:
    return make_table(name, {key: _values(table[key]) for key in table.colnames})


def _claim(files: RecordFiles, key: str) -> float:
    return float(files.claims["value"][files.claims["key"].tolist().index(key)])


def _observations(files: RecordFiles) -> list[tuple[str, str]]:
    """Night and mode of every exposure, in the order of the record."""
    first = np.asarray(files.timelines["star_1"]) == files.timelines["star_1"][0]
    rows = files.timelines[first]
    return list(zip(rows["night"].tolist(), rows["mode"].tolist(), strict=True))


def _exposures(files: RecordFiles) -> QTable:
    """One row per observation; NaN and masked counts: not in the record."""
    observations = _observations(files)
    n = len(observations)
    unknown = np.full(n, np.nan)
    kinds, ids = np.asarray(files.coordtrafo["kind"]), np.asarray(files.coordtrafo["id"])
    reference, other = observations.index(REFERENCE), observations.index(TRANSFORMED)
    n_detected = np.ma.MaskedArray(np.zeros(n, dtype=np.int64), mask=True)
    n_matched = np.ma.MaskedArray(np.zeros(n, dtype=np.int64), mask=True)
    n_detected[reference] = n_matched[reference] = len(files.reference_positions)
    n_detected[other] = int((kinds == "detected").sum())
    n_matched[other] = int(((kinds == "detected") & (ids > 0)).sum())
    airmass = unknown.copy()
    airmass[reference] = _claim(files, "airmass.reference")
    return make_table(
        "exposures",
        {
            "exposure_id": [exposure_id(*observation) for observation in observations],
            "dp_id": [""] * n,
            "night": [night for night, _ in observations],
            "mode": [mode for _, mode in observations],
            "mjd_mid": unknown,
            "airmass": airmass,
            "seeing_arcsec": unknown,
            "exptime_s": unknown,
            "n_detected": n_detected,
            "n_matched": n_matched,
            **dict.fromkeys("abcdef", unknown),
            "match_rms_px": unknown,
            "bad_probability": unknown,
            "status": ["ok"] * n,
            "reason": [""] * n,
            "notes": [""] * n,
            "simulated": [False] * n,
            "origin": ["published"] * n,
        },
    )


def _catalogue(files: RecordFiles, blend_distance_px: float) -> QTable:
    """One row per reference star; the channel where the study's text names it, else 0."""
    stars = _values(files.reference_positions["id"])
    xy = np.column_stack([_values(files.reference_positions[axis]) for axis in ("x", "y")])
    distance = np.hypot(*(xy[:, np.newaxis] - xy).T)
    np.fill_diagonal(distance, np.inf)
    blended = distance.min(axis=1) < blend_distance_px
    channels = np.zeros(len(stars), dtype=int)
    for star in (4, 6):
        channels[stars == star] = int(_claim(files, f"channel.{star}"))
    flags = [
        " ".join(["edge"] * (star == EDGE_STAR) + ["blended"] * close)
        for star, close in zip(stars.tolist(), blended.tolist(), strict=True)
    ]
    return make_table(
        "catalogue",
        {
            "star_id": stars,
            "x": xy[:, 0],
            "y": xy[:, 1],
            "ra_deg": np.full(len(stars), np.nan),
            "dec_deg": np.full(len(stars), np.nan),
            "flux": np.full(len(stars), np.nan),
            "channel": channels,
            "slice": np.zeros(len(stars), dtype=int),
            "edge_distance_px": np.full(len(stars), np.nan),
            "contamination": np.full(len(stars), np.nan),
            "flags": flags,
        },
    )


def _timelines(files: RecordFiles) -> QTable:
    """One row per observation and pair; implied values stand in for the three bounds."""
    table = files.timelines
    implied = np.asarray(table["flag"]) == "outlier_bound"
    nights, modes = table["night"].tolist(), table["mode"].tolist()
    return make_table(
        "timelines",
        {
            "exposure_id": [exposure_id(*item) for item in zip(nights, modes, strict=True)],
            "night": nights,
            "mode": modes,
            "star_1": table["star_1"],
            "star_2": table["star_2"],
            "deviation": np.where(implied, table["value_implied"], table["value"]),
            "deviation_err": np.full(len(table), np.nan),
            "flag": np.where(implied, IMPLIED, ""),
        },
        band=BAND,
        radius=RADIUS_PX,
    )


def _timelines_digitised(files: RecordFiles) -> QTable:
    table = files.timelines
    flags = np.asarray(table["flag"])
    ids = zip(table["night"].tolist(), table["mode"].tolist(), strict=True)
    kept = ("star_1", "star_2", "value", "value_err", "value_implied", "value_implied_err")
    return make_table(
        "timelines_digitised",
        {
            "exposure_id": [exposure_id(*item) for item in ids],
            **{name: table[name] for name in (*kept, "visible_fraction")},
            "digitised_flag": np.where(flags == "ok", "", flags),
        },
    )


def _snr_scatter(files: RecordFiles) -> QTable:
    table = files.snr_scatter
    stars = [
        [int(star) for star in pair.split("-")] if pair else [0, 0]
        for pair in table["pair"].tolist()
    ]
    kept = ("snr_gmean", "snr_gmean_err", "std", "std_err", "candidates", "visible_fraction")
    return make_table(
        "snr_scatter",
        {
            **{name: table[name] for name in kept},
            "star_1": [first for first, _ in stars],
            "star_2": [second for _, second in stars],
        },
    )


def _coordtrafo(files: RecordFiles) -> QTable:
    table = files.coordtrafo
    kept = ("kind", "x", "y", "x_err", "y_err", "spurious")
    return make_table(
        "coordtrafo",
        {**{name: _values(table[name]) for name in kept}, "star_id": table["id"]},
    )


def _availability(files: RecordFiles) -> QTable:
    """One row per night of 2018; masked where the standard was not observed in a mode."""
    table = files.availability_2018
    columns: dict[str, np.ndarray] = {}
    for name in table.colnames[1:]:
        values = np.asarray(table[name])
        columns[name] = np.ma.masked_where(values == "", values)
    return availability_table(np.asarray(table["date"]), columns)

"""All exposures of a campaign together: one row for every input, and what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
from astropy.table import QTable

from pipeline.config.settings import Settings
from pipeline.errors import NoEpoch, NotACube
from pipeline.measure import BandPhotometry
from pipeline.measure.extraction import Spectra
from pipeline.measure.matching import ExposureMatch
from pipeline.measure.neighbour_light import NeighbourLight
from pipeline.measure.reference import ReferenceCatalogue
from pipeline.muse.geometry import N_CHANNELS
from pipeline.schema import TABLES, empty_value, make_table
from pipeline.schema.calibration_record import CalibrationRecord
from pipeline.schema.flux_array import MISSING, FluxArray
from pipeline.schema.measured import NOT_A_CUBE
from pipeline.schema.reduction_log import CallCost, ReductionLog
from pipeline.schema.results import DetectionImage, SpectrumSet
from pipeline.tasks.fits_products import read_detection, read_measurement
from pipeline.tasks.measure import Job, read_reference
from pipeline.workflow import products

MOST_STACKED = 500  # exposures whose spectra are held at once: 5 MB each at full size
OK, EXCLUDED, FAILED = "ok", "excluded", "failed"  # values of the column ``status``


@dataclass(frozen=True)
class KeptMeasurement:
    """What a campaign holds of one measured exposure: a hundredth of it, its spectra are on disk."""

    match: ExposureMatch
    photometry: tuple[BandPhotometry, ...]
    channels: np.ndarray  # (star, channel) share of the light
    product: Path

    @classmethod
    def of(cls, product: Path) -> "KeptMeasurement":
        """What is held of a product of ``measure``."""
        whole = read_measurement(product)
        photometry = tuple(replace(one, flags=_short(one.flags)) for one in whole.photometry)
        return cls(whole.match, photometry, whole.light.channels, product)

    @property
    def spectra(self) -> Spectra:
        """The spectra of all stars, read anew each time."""
        return read_measurement(self.product).spectra


def _short(texts: np.ndarray) -> np.ndarray:
    """The same texts in the narrowest type that holds them."""
    longest = max((len(one) for one in set(texts.ravel().tolist())), default=0)
    return texts.astype(f"U{max(longest, 1)}")


@dataclass(frozen=True)
class Gathered:
    """A campaign after its last job."""

    exposures: QTable  # table ``exposures``: one row for every input
    catalogue: ReferenceCatalogue
    measured: Mapping[str, KeptMeasurement]  # by exposure id, in time; the excluded as well
    detected: Mapping[str, np.ndarray]  # (source, 2) positions [pix], by exposure id
    neighbours: NeighbourLight | None = None  # along the axes of both tables; None: not looked at


def gather(jobs: Sequence[Job], reference: Path) -> Gathered:
    """Read what every job of a campaign has produced; nothing is lost on the way."""
    rows, measured, detected = [], {}, {}
    for job in jobs:
        row = _header_columns(job)
        if _done(job.detection):
            detection = read_detection(job.detection)
            detected[job.entry.exposure_id] = detection.sources.xy
            row["n_detected"] = len(detected[job.entry.exposure_id])
            row["notes"] = "; ".join(note for note in (job.entry.note, *detection.notes) if note)
        status, reason = _status(job)
        if status != FAILED and job.entry.error is None:
            measurement = KeptMeasurement.of(job.measurement)
            row.update(_match_columns(measurement))
            measured[job.entry.exposure_id] = measurement
        rows.append({**row, "status": status, "reason": reason})
    columns = {
        column.name: [row.get(column.name, empty_value(column)) for row in rows]
        for column in TABLES["exposures"]
    }
    table = make_table("exposures", columns)
    return Gathered(table, read_reference(reference), measured, detected)


def without_photometry(gathered: Gathered) -> Gathered:
    """The same without the fluxes in passbands, once they are in the flux array: half of its memory."""
    kept = {name: replace(one, photometry=()) for name, one in gathered.measured.items()}
    return replace(gathered, measured=kept)


def _header_columns(job: Job) -> dict[str, object]:
    """What the header says; of an unreadable file only its name is known."""
    exposure = job.entry.exposure
    known = asdict(exposure) if exposure else {"exposure_id": job.entry.exposure_id}
    return {**known, "origin": job.entry.origin}


def _match_columns(measurement: KeptMeasurement) -> dict[str, object]:
    affine = dict(zip("abcdef", measurement.match.affine.ravel(), strict=True))
    return {
        **affine,
        "n_matched": measurement.match.n_matched,
        "match_rms_px": measurement.match.rms_px,
    }


def _status(job: Job) -> tuple[str, str]:
    """Status and reason of an exposure."""
    if failure := _failure(job):
        return (EXCLUDED if isinstance(job.entry.error, NoEpoch) else FAILED), failure
    exposure = job.entry.exposure
    names = {job.entry.exposure_id} | ({exposure.name} if exposure else set())
    for excluded, reason in job.settings.review.exclude:
        if excluded in names:
            return EXCLUDED, reason
    return (EXCLUDED, job.entry.excluded) if job.entry.excluded else (OK, "")


def _failure(job: Job) -> str:
    """Type and message of what went wrong with an exposure; "" if it is measured."""
    if isinstance(job.entry.error, NotACube):
        return f"{NOT_A_CUBE}: {job.entry.error}"
    if job.entry.error is not None:
        return f"{type(job.entry.error).__name__}: {job.entry.error}"
    for product in (job.detection, job.measurement):
        stamp = products.read_stamp(product)
        if stamp is not None and stamp.error:
            return f"{stamp.error_type}: {stamp.error}"
    return "" if _done(job.measurement) else "NotMeasured: the run ended before this exposure"


def _done(product: Path) -> bool:
    stamp = products.read_stamp(product)
    return stamp is not None and stamp.state == products.DONE and product.exists()


def detection_image(job: Job) -> DetectionImage:
    """The detection image of one exposure, for the report."""
    detection = read_detection(job.detection)
    exposure = job.entry.exposure
    assert exposure is not None
    return DetectionImage(
        detection.image,
        exposure.exposure_id,
        exposure.mode,
        (detection.standard.x, detection.standard.y),
        detection.standard.radius_px,
    )


def spectra_by_mode(gathered: Gathered, unit: str) -> dict[str, SpectrumSet]:
    """Spectra of all measured exposures that share a mode and a wavelength grid.

    Of more than ``MOST_STACKED`` exposures, those that pages and downloads show: the reference, the
    exposures of its night, and the first of each mode.
    """
    mode_of = dict(zip(gathered.exposures["exposure_id"], gathered.exposures["mode"], strict=True))
    members: dict[str, list[str]] = {}
    for exposure_id in gathered.measured:
        members.setdefault(str(mode_of[exposure_id]), []).append(exposure_id)
    if len(gathered.measured) <= MOST_STACKED:
        return {mode: _spectrum_set(gathered, members[mode], unit) for mode in sorted(members)}
    shown = _shown(gathered)
    return {
        mode: replace(
            _spectrum_set(gathered, [one for one in ids if one in shown] or ids[:1], unit),
            n_measured=len(ids),
        )
        for mode, ids in sorted(members.items())
    }


def _shown(gathered: Gathered) -> set[str]:
    """The exposures of the night of the reference."""
    night_of = dict(
        zip(gathered.exposures["exposure_id"], gathered.exposures["night"], strict=True)
    )
    night = night_of[gathered.catalogue.exposure_id]
    return {str(one) for one, its_night in night_of.items() if its_night == night}


def _spectrum_set(gathered: Gathered, members: list[str], unit: str) -> SpectrumSet:
    """Exposures on another wavelength grid than the first are left out: they cannot be stacked."""
    spectra = {name: gathered.measured[name].spectra for name in members}
    grid = spectra[members[0]].wave_aa
    alike = [name for name in members if np.array_equal(spectra[name].wave_aa, grid)]
    flux, variance, coverage = (
        np.array([getattr(spectra[name], key) for name in alike])
        for key in ("flux", "variance", "coverage")
    )
    return SpectrumSet(
        tuple(alike),
        tuple(int(star) for star in gathered.catalogue.star_id),
        tuple(float(radius) for radius in spectra[alike[0]].radii_px),
        grid,
        flux,
        variance,
        coverage,
        unit,
    )


def flux_array(gathered: Gathered, settings: Settings) -> FluxArray:
    """The fluxes of all exposures; an exposure that failed is NaN, flagged ``missing``."""
    exposure_ids = tuple(str(name) for name in gathered.exposures["exposure_id"])
    star_ids = tuple(int(star) for star in gathered.catalogue.star_id)
    radii_px = settings.extraction.radii_px
    bands = settings.bands()
    band_names = [band.name for band in bands]
    shape = (len(exposure_ids), len(star_ids), len(radii_px), len(bands))
    names = ("flux", "flux_err", "flux_published", "background_std")
    arrays = {name: np.full(shape, np.nan) for name in names}
    noise_source = np.full(shape, "", dtype=object)
    coverage, flags = np.zeros(shape), np.full(shape, MISSING, dtype=object)
    for row, exposure_id in enumerate(exposure_ids):
        if (measurement := gathered.measured.get(exposure_id)) is None:
            continue
        for one in measurement.photometry:
            place = (row, slice(None), slice(None), band_names.index(one.band))
            arrays["flux"][place], arrays["flux_err"][place] = one.fluxes.flux, one.fluxes.sigma
            coverage[place], flags[place] = one.fluxes.coverage, one.flags
            arrays["flux_published"][place] = one.published.flux
            arrays["background_std"][place] = one.noise.background
            noise_source[place] = one.noise_source
    return FluxArray(
        exposure_ids,
        star_ids,
        tuple(radii_px),
        tuple(band_names),
        **arrays,
        coverage=coverage,
        flags=flags.astype(str),
        noise_source=noise_source.astype(str),
        method=settings.extraction.method,
        passbands="; ".join(f"{band.name}: {band.reference}" for band in bands),
    )


def channel_shares(gathered: Gathered) -> np.ndarray:
    """Share of each star's light on each channel, (exposure, star, channel); 0: not measured."""
    ids = [str(name) for name in gathered.exposures["exposure_id"]]
    shares = np.zeros((len(ids), len(gathered.catalogue.star_id), N_CHANNELS))
    for row, exposure_id in enumerate(ids):
        if (measurement := gathered.measured.get(exposure_id)) is not None:
            shares[row] = measurement.channels
    return shares


def detections_table(gathered: Gathered) -> QTable:
    """The table ``detections``: every detection of every exposure, and the star that it is."""
    columns: dict[str, list[np.ndarray]] = {column.name: [] for column in TABLES["detections"]}
    for exposure_id, xy in gathered.detected.items():
        star_id = np.zeros(len(xy), int)
        if (measurement := gathered.measured.get(exposure_id)) is not None:
            reference, detection = measurement.match.pairs.T
            star_id[detection] = gathered.catalogue.star_id[reference]
        for name, values in (
            ("exposure_id", np.full(len(xy), exposure_id)),
            ("star_id", star_id),
            ("x", xy[:, 0]),
            ("y", xy[:, 1]),
        ):
            columns[name].append(values)
    return make_table(
        "detections", {name: np.concatenate(parts) for name, parts in columns.items()}
    )


def calibrations_table(records: Mapping[str, CalibrationRecord]) -> QTable:
    """Table ``calibrations``: with what every exposure was calibrated, by identity."""
    rows = [{"exposure_id": name, **record.as_row()} for name, record in sorted(records.items())]
    return make_table(
        "calibrations", {key: [row[key] for row in rows] for key in (rows[0] if rows else ())}
    )


def recipe_calls_table(logs: Mapping[str, ReductionLog]) -> QTable:
    """Table ``recipe_calls``: what every call of a recipe took; shared calls once per exposure."""
    calls = [(name, call) for name, log in sorted(logs.items()) for call in log.calls]
    columns: dict[str, list[object]] = {
        field.name: [getattr(call, field.name) for _, call in calls] for field in fields(CallCost)
    }
    columns["exposure_id"] = [name for name, _ in calls]
    return make_table("recipe_calls", columns)

"""All exposures of a campaign together: one row for every input, and the arrays for statistics."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from astropy.table import QTable

from pipeline import products
from pipeline.measure import Measurement
from pipeline.measure.reference import ReferenceCatalogue
from pipeline.records import read_detection, read_measurement
from pipeline.results import Image, SpectrumSet
from pipeline.schema import TABLES, empty_value, make_table
from pipeline.stages import Job, read_reference

OK, EXCLUDED, FAILED = "ok", "excluded", "failed"  # values of the column ``status``


@dataclass(frozen=True)
class Gathered:
    """A measured campaign; arrays run over the exposures of status ok, in the order of time."""

    exposures: QTable  # table ``exposures``: one row for every input
    catalogue: ReferenceCatalogue
    exposure_ids: tuple[str, ...]  # (exposure,)
    measurements: tuple[Measurement, ...]  # (exposure,)

    @property
    def ok(self) -> QTable:
        """The rows of ``exposures`` that the arrays run over."""
        return self.exposures[self.exposures["status"] == OK]

    def band(self, band: str, radius_px: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Flux, its error and flags, each of shape (exposure, star).

        Parameters
        ----------
        band : str
            A passband of photometry.bands.
        radius_px : float
            One of extraction.radii_px.
        """
        parts = [_band_of(measurement, band, radius_px) for measurement in self.measurements]
        flux, sigma, flags = (np.array(part) for part in zip(*parts, strict=True))
        return flux, sigma, flags


def _band_of(
    measurement: Measurement, band: str, radius_px: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    one = next(photometry for photometry in measurement.photometry if photometry.band == band)
    column = int(np.flatnonzero(np.isclose(measurement.spectra.radii_px, radius_px))[0])
    return one.fluxes.flux[:, column], one.fluxes.sigma[:, column], one.flags[:, column]


def gather(jobs: Sequence[Job], reference: Path) -> Gathered:
    """Read what every job of a campaign has produced; nothing is lost on the way."""
    rows, ids, measurements = [], [], []
    for job in jobs:
        row = _header_columns(job)
        if _done(job.detection):
            row["n_detected"] = len(read_detection(job.detection).sources.x)
        status, reason = _status(job)
        if status != FAILED:
            measurement = read_measurement(job.measurement)
            row.update(_match_columns(measurement))
            if status == OK:
                ids.append(job.entry.exposure_id)
                measurements.append(measurement)
        rows.append({**row, "status": status, "reason": reason})
    columns = {
        column.name: [row.get(column.name, empty_value(column)) for row in rows]
        for column in TABLES["exposures"]
    }
    table = make_table("exposures", columns)
    return Gathered(table, read_reference(reference), tuple(ids), tuple(measurements))


def _header_columns(job: Job) -> dict[str, object]:
    """What the header says; of an unreadable file only its name is known."""
    exposure = job.entry.exposure
    return asdict(exposure) if exposure else {"exposure_id": job.entry.exposure_id}


def _match_columns(measurement: Measurement) -> dict[str, object]:
    affine = dict(zip("abcdef", measurement.match.affine.ravel(), strict=True))
    return {
        **affine,
        "n_matched": measurement.match.n_matched,
        "match_rms_px": measurement.match.rms_px,
    }


def _status(job: Job) -> tuple[str, str]:
    """Status and reason of an exposure."""
    if failure := _failure(job):
        return FAILED, failure
    exposure = job.entry.exposure
    names = {job.entry.exposure_id} | ({exposure.name} if exposure else set())
    for excluded, reason in job.settings.review.exclude:
        if excluded in names:
            return EXCLUDED, reason
    return OK, ""


def _failure(job: Job) -> str:
    """Type and message of what went wrong with an exposure; "" if it is measured."""
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


def detection_image(job: Job) -> Image:
    """The detection image of one exposure, for the report."""
    detection = read_detection(job.detection)
    exposure = job.entry.exposure
    assert exposure is not None
    return Image(
        detection.image,
        exposure.exposure_id,
        exposure.mode,
        (detection.standard.x, detection.standard.y),
        detection.standard.radius_px,
    )


def spectra_by_mode(gathered: Gathered, unit: str) -> dict[str, SpectrumSet]:
    """Spectra of all exposures that share a mode and a wavelength grid."""
    modes: dict[str, list[int]] = {}
    for index, mode in enumerate(gathered.ok["mode"]):
        modes.setdefault(str(mode), []).append(index)
    return {mode: _spectrum_set(gathered, modes[mode], unit) for mode in sorted(modes)}


def _spectrum_set(gathered: Gathered, members: list[int], unit: str) -> SpectrumSet:
    """Exposures on another wavelength grid than the first are left out: they cannot be stacked."""
    grid = gathered.measurements[members[0]].spectra.wave_aa
    alike = [i for i in members if np.array_equal(gathered.measurements[i].spectra.wave_aa, grid)]
    spectra = [gathered.measurements[i].spectra for i in alike]
    flux, variance, coverage = (
        np.array([getattr(one, name) for one in spectra])
        for name in ("flux", "variance", "coverage")
    )
    return SpectrumSet(
        tuple(gathered.exposure_ids[i] for i in alike),
        tuple(int(star) for star in gathered.catalogue.star_id),
        tuple(float(radius) for radius in spectra[0].radii_px),
        grid,
        flux,
        variance,
        coverage,
        unit,
    )


def photometry_table(gathered: Gathered) -> QTable:
    """The table ``photometry``: every exposure, star, band and aperture."""
    columns: dict[str, list[np.ndarray]] = {column.name: [] for column in TABLES["photometry"]}
    star_ids = gathered.catalogue.star_id
    for exposure_id, measurement in zip(gathered.exposure_ids, gathered.measurements, strict=True):
        radii = measurement.spectra.radii_px
        for band in measurement.photometry:
            fluxes = band.fluxes
            for name, values in (
                ("exposure_id", np.full(fluxes.flux.size, exposure_id)),
                ("star_id", np.repeat(star_ids, len(radii))),
                ("band", np.full(fluxes.flux.size, band.band)),
                ("radius_px", np.tile(radii, len(star_ids))),
                ("flux", fluxes.flux.ravel()),
                ("flux_err", fluxes.sigma.ravel()),
                ("snr", fluxes.snr.ravel()),
                ("coverage", fluxes.coverage.ravel()),
                ("flags", band.flags.ravel()),
            ):
                columns[name].append(values)
    return make_table(
        "photometry", {name: np.concatenate(parts) for name, parts in columns.items()}
    )

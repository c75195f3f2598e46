"""Campaigns whose cubes are measured here, whatever made them."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from astropy.table import QTable

from pipeline.measure.bands import load_band
from pipeline.muse.cube import open_cube
from pipeline.schema.results import Image, SpectrumSet
from pipeline.sources.base import STATISTICS_CODE, Campaign
from pipeline.statistics.fluxes import fluxes_from_tables
from pipeline.statistics.summaries import campaign_statistics
from pipeline.tasks import measure as measure_tasks
from pipeline.tasks import schedule
from pipeline.tasks.collect import (
    Gathered,
    detection_image,
    detections_table,
    gather,
    photometry_table,
    published_fluxes,
    snr_table,
    spectra_by_mode,
)
from pipeline.tasks.measure import Job
from pipeline.tasks.summarise import Summary
from pipeline.workflow import products

MEASURED_CODE = (*measure_tasks.MEASURED_CODE, *STATISTICS_CODE)


class MeasuredCampaign(Campaign):
    """Exposures that went through the whole chain."""

    sections: tuple[str, ...] = (
        *("campaign", "field", "detection", "reference", "matching"),
        *("extraction", "photometry", "statistics", "review"),
    )
    code: tuple[str, ...] = MEASURED_CODE
    numbers_from = "photometry of the cubes"
    jobs: list[Job]  # with their reference, once measured

    @property
    def title(self) -> str:
        """The configured title."""
        return self.settings.campaign.title + (", simulated" if self.simulated else "")

    @property
    def simulated(self) -> bool:
        """Whether the header of any exposure says so."""
        return self._n_simulated > 0

    @property
    def _n_simulated(self) -> int:
        exposures = [job.entry.exposure for job in self.planned_jobs]
        return sum(one.simulated for one in exposures if one)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know before using the numbers."""
        n, n_all = self._n_simulated, len(self.planned_jobs)
        if not n:
            return ()
        return (f"Simulated: {n} of {n_all} exposures, by SIMULATED = T in their headers.",)

    @cached_property
    @abstractmethod
    def planned_jobs(self) -> list[Job]:
        """One job per input."""

    def measure(self) -> None:
        """Detect, choose the reference, match, extract and integrate."""
        for band in self.settings.photometry.bands:
            load_band(band)  # a name that does not exist is told now, not after the first cube
        for stage in self.request.force:
            schedule.force(self.planned_jobs, self.workspace, stage)
        with products.exclusive(self.workspace):
            self.jobs = schedule.measure_campaign(
                self.planned_jobs,
                self.settings,
                self.workspace,
                self.request.root,
                self.request.workers,
            )

    @property
    def reference(self) -> Path:
        """The reference catalogue."""
        return schedule.reference_path(self.workspace)

    @cached_property
    def gathered(self) -> Gathered:
        """All exposures together."""
        return gather(self.jobs, self.reference)

    def ingredients(self) -> dict[str, Any]:
        """Keys and outcomes of all exposures, and the code that summarises them."""
        return {
            "stage": "statistics",
            "code": products.code_digest(*STATISTICS_CODE),
            "libraries": products.library_versions(),
            "settings": {
                "statistics": asdict(self.settings.statistics),
                "review": asdict(self.settings.review),
            },
            "inputs": {
                "reference": measure_tasks.reference_key(self.reference),
                "exposures": products.digest([measure_tasks.outcome(job) for job in self.jobs]),
                **self.answer_digests(),
            },
        }

    def summarise(self) -> Summary:
        """Photometry of every exposure, statistics of every pair."""
        gathered, how = self.gathered, self.settings.statistics
        catalogue = gathered.catalogue.table()
        snr = snr_table(gathered, gathered.catalogue.exposure_id, how.band)
        photometry = photometry_table(gathered)
        fluxes = fluxes_from_tables(
            gathered.exposures,
            catalogue,
            photometry,
            snr,
            band=how.band,
            radius_px=how.radius_px,
            flux_published=published_fluxes(gathered, load_band(how.band), how.radius_px),
        )
        tables, notes = self.answered(
            {
                "exposures": gathered.exposures,
                "catalogue": catalogue,
                "snr": snr,
                "photometry": photometry,
                "detections": detections_table(gathered),
                **self.further_tables(),
            }
        )
        found = campaign_statistics(
            fluxes, self.comparable(tables), how.pairs, source=self.numbers_from
        )
        nights = sorted(str(night) for night in gathered.exposures["night"] if night)
        return Summary(
            {**tables, **found.tables},
            found.numbers,
            (*self.notes, *notes),
            gathered.catalogue.exposure_id,
            nights[0],
            nights[-1],
        )

    def further_tables(self) -> dict[str, QTable]:
        """What only this source has."""
        return {}

    def comparable(self, tables: Mapping[str, QTable]) -> Mapping[str, QTable]:
        """The tables that statistics may compare with what was measured."""
        return tables

    def image(self) -> Image | None:
        """Detection image of the reference exposure."""
        wanted = self.summary.reference_exposure
        return next(detection_image(job) for job in self.jobs if job.entry.exposure_id == wanted)

    def spectra(self) -> Mapping[str, SpectrumSet]:
        """All extracted spectra, by mode."""
        return spectra_by_mode(self.gathered, self.unit())

    def unit(self) -> str:
        """Unit of the reference exposure's cube."""
        wanted = self.summary.reference_exposure
        job = next(job for job in self.jobs if job.entry.exposure_id == wanted)
        return open_cube(job.cube).unit

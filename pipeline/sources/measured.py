"""Campaigns whose cubes are measured here, whatever made them."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.errors import NoReferenceExposure
from pipeline.measure.headline_pairs import choose_pairs
from pipeline.muse.cube import read_unit
from pipeline.schema.flux_array import FluxArray
from pipeline.schema.results import DetectionImage, SpectrumSet
from pipeline.sources.base import STATISTICS_CODE, Campaign
from pipeline.statistics.blended import with_blended_stars
from pipeline.statistics.claims import (
    is_too_small,
    numbers_without_scatter,
    of_own_convention,
    tables_without_scatter,
)
from pipeline.statistics.columns import texts
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.long_campaigns import fitted_exposures, is_long, of_exposures
from pipeline.statistics.selection import select_fluxes, without_bad, without_flagged
from pipeline.statistics.summaries import Statistics, campaign_statistics
from pipeline.statistics.targets import Target
from pipeline.statistics.wavelength import wavelength_table
from pipeline.tasks import measure as measure_tasks
from pipeline.tasks import schedule
from pipeline.tasks.collect import (
    Gathered,
    detection_image,
    detections_table,
    flux_array,
    gather,
    spectra_by_mode,
    without_photometry,
)
from pipeline.tasks.comparisons import comparison_tables
from pipeline.tasks.crowding import (
    changes_a_variable,
    of_stars_alone,
    of_stars_beside_variables,
    with_neighbours,
)
from pipeline.tasks.exports import photometry_table, snr_table
from pipeline.tasks.flux_product import keep_fluxes
from pipeline.tasks.identification import flag_stars, tied_to_gaia
from pipeline.tasks.measure import Job
from pipeline.tasks.summarise import Summary
from pipeline.tasks.targets import FLAG, find_targets, note_on_targets, tables_of_targets
from pipeline.tasks.wavelength import band_series
from pipeline.workflow import products

MOST_IN_BANDS = 150  # exposures of the fits band by band, of which there are fifty
MEASURED_CODE = (*measure_tasks.MEASURED_CODE, *STATISTICS_CODE)


class MeasuredCampaign(Campaign):
    """Exposures that went through the whole chain."""

    sections: tuple[str, ...] = (
        *("campaign", "field", "cubes", "detection", "reference", "matching"),
        *("extraction", "photometry", "statistics", "review"),
    )
    code: tuple[str, ...] = MEASURED_CODE
    numbers_from = "photometry of the cubes"

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
        for stage in self.request.force:
            schedule.force(self.planned_jobs, self.workspace, stage)
        for kept in ("gathered", "summary", "headline_pairs", "targets"):
            self.__dict__.pop(kept, None)  # of what was there before
        self._measure()

    def _measure(self) -> None:
        self.__dict__.pop("_outcomes", None)
        shard = self.request.shard
        with products.exclusive(self.workspace, shared=shard is not None):
            self.jobs = schedule.measure_campaign(
                self.planned_jobs,
                self.settings,
                self.workspace,
                self.request.root,
                self.request.workers,
                shard,
            )

    @cached_property
    def jobs(self) -> list[Job]:
        """One job per input, with the reference if one was chosen, in this run or before it."""
        reference = self.reference if products.read_stamp(self.reference) else None
        return [replace(job, reference=reference) for job in self.planned_jobs]

    @property
    def reference(self) -> Path:
        """The reference catalogue."""
        return schedule.reference_path(self.workspace)

    @cached_property
    def gathered(self) -> Gathered:
        """All exposures together.

        Raises
        ------
        NoReferenceExposure
            If no reference was chosen yet, so that nothing is measured.
        """
        self._check_reference()
        try:
            return self._gather()
        except Exception:  # of a product that was damaged and kept its size and time: made again
            if not measure_tasks.forget_damaged(self.jobs):
                raise
            self._measure()
            return self._gather()

    def _gather(self) -> Gathered:
        """All exposures together, with the light of neighbours in the apertures of each.

        Not in the field of a standard: its floor is compared with that of other campaigns over the same
        stars, whatever the seeing.
        """
        gathered = gather(self.jobs, self.reference)
        if self.of_standard:
            return gathered
        return with_neighbours(gathered, self.jobs, self.settings, self.workspace / "psfs.json")

    @cached_property
    def headline_pairs(self) -> tuple[tuple[int, int], ...]:
        """The configured pairs, else those that the rule chooses from the catalogue."""
        if self.settings.statistics.pairs:
            return self.settings.statistics.pairs
        self._check_reference()
        left_out = {one.star_id for one in self.targets[0]}
        return choose_pairs(self.gathered.catalogue, left_out=left_out)

    @cached_property
    def targets(self) -> tuple[tuple[Target, ...], tuple[str, ...]]:
        """The targets of the settings that the reference shows, and notes on the others."""
        catalogue = measure_tasks.read_reference(self.reference).table()
        tied, _ = tied_to_gaia(catalogue, self.identification_store.identification(catalogue))
        return find_targets(self.settings.targets, tied)

    def _check_reference(self) -> None:
        if not products.read_stamp(self.reference):
            raise NoReferenceExposure(
                f"{self.name}: nothing is measured yet in {self.workspace}; measure it first"
            )

    def _notes_on_pairs(self) -> tuple[str, ...]:
        """What a reader must know about the choice of the headline pairs."""
        catalogue = measure_tasks.read_reference(self.reference)
        if not self.settings.statistics.pairs:
            named = ", ".join(f"{one}/{two}" for one, two in self.headline_pairs)
            return (
                f"The headline pairs were chosen by rule: {named or 'there is none'}. Of the stars "
                "without a flag the brightest goes with the next brightest on another channel, and so "
                "on; no star is in two pairs.",
            )
        seen = set(catalogue.star_id.tolist())
        missing = [pair for pair in self.headline_pairs if not set(pair) <= seen]
        named = ", ".join(f"{one}/{two}" for one, two in missing)
        if not missing:
            return ()
        return (
            f"No numbers for the headline pair{'s' if len(missing) > 1 else ''} {named}: the "
            f"reference exposure {catalogue.exposure_id} does not show both stars.",
        )

    def ingredients(self) -> dict[str, Any]:
        """Keys and outcomes of all exposures, and the code that summarises them."""
        return {
            "stage": "statistics",
            "code": products.code_digest(*STATISTICS_CODE),
            "libraries": products.library_versions(),
            "settings": self.settings.read_by("statistics"),
            "inputs": {
                "reference": measure_tasks.reference_key(self.reference),
                "exposures": self._outcomes,
                **self.answer_digests(),
            },
        }

    @cached_property
    def _outcomes(self) -> str:
        """Digest of the outcomes of all exposures, since they were measured last."""
        return products.digest([measure_tasks.outcome(job) for job in self.jobs])

    @cached_property
    def flux_array(self) -> FluxArray:
        """The fluxes of all exposures, from their product: what the statistics start from."""
        known = self.ingredients()
        shaping = {
            **{name: known[name] for name in ("code", "libraries")},
            "stage": "collect",
            "settings": self.settings.read_by("measure"),
            "inputs": {name: known["inputs"][name] for name in ("reference", "exposures")},
        }
        return keep_fluxes(
            self.workspace / "fluxes.fits",
            shaping,
            lambda: flux_array(self.gathered, self.settings),
        )

    def summarise(self) -> Summary:
        """Photometry of every exposure, statistics of every pair."""
        self._check_reference()
        measured, how = self.flux_array, self.settings.statistics
        gathered = self.gathered = without_photometry(self.gathered)
        catalogue = gathered.catalogue.table()
        targets, missing = self.targets
        tables, notes = self.answered(
            {
                "exposures": gathered.exposures,
                "catalogue": catalogue,
                "snr": snr_table(measured, gathered.catalogue.exposure_id, how.band),
                "photometry": photometry_table(measured),
                "detections": detections_table(gathered),
                **self.further_tables(),
            }
        )
        tables["catalogue"] = flag_stars(
            tables["catalogue"], [one.star_id for one in targets], FLAG, "target of this campaign"
        )
        array, shares = of_stars_alone(measured, gathered, how.radius_px)
        fluxes, found, tables = self._searched(array, shares, tables)
        settled = of_stars_beside_variables(array, gathered, tables)
        if changes_a_variable(array, settled, tables):
            fluxes, found, tables = self._searched(settled, shares, tables)
        tables |= tables_of_targets(
            settled,
            tables,
            targets,
            radius_px=how.radius_px,
            reference_exposure=gathered.catalogue.exposure_id,
            channel_share=shares,
        )
        tables |= self._dependence(settled, fluxes, tables)
        numbers = found.numbers if self.of_standard else of_own_convention(found.numbers)
        if is_too_small(tables["exposures"]):
            tables, numbers = tables_without_scatter(tables), numbers_without_scatter(numbers)
        nights = sorted(str(night) for night in gathered.exposures["night"] if night)
        return Summary(
            tables,
            numbers,
            (
                *(*self.notes, *self._notes_on_pairs(), *notes, *found.notes),
                *(*missing, *note_on_targets(targets)),
            ),
            gathered.catalogue.exposure_id,
            nights[0],
            nights[-1],
        )

    def _searched(
        self, array: FluxArray, shares: np.ndarray, tables: Mapping[str, QTable]
    ) -> tuple[Fluxes, Statistics, dict[str, QTable]]:
        """Statistics of an array of fluxes, the search for variable stars among them."""
        how, catalogue = self.settings.statistics, self.gathered.catalogue
        fluxes = select_fluxes(
            array,
            self.gathered.exposures,
            catalogue.table(),
            band=how.band,
            radius_px=how.radius_px,
            reference_exposure=catalogue.exposure_id,
            channel_share=shares,
        )
        found = campaign_statistics(
            fluxes,
            self.comparable(tables),
            self.headline_pairs,
            source=self.numbers_from,
            method=self.settings.extraction.method,
            background_std=array.background_std[
                :, :, array.aperture(how.radius_px), array.band(how.band)
            ],
        )
        new = {**tables, **found.tables}
        if not self.of_standard and "variability" in new:  # a standard's is about the instrument
            new["variability"] = with_blended_stars(
                new["variability"],
                without_bad(fluxes, new["exposures"]),
                new["catalogue"],
                left_out=[one.star_id for one in self.targets[0]],
            )
        return fluxes, found, new

    def _dependence(
        self, array: FluxArray, fluxes: Fluxes, tables: Mapping[str, QTable]
    ) -> dict[str, QTable]:
        """What ratios owe to wavelength, aperture, method, mode and season."""
        exposures, catalogue = tables["exposures"], tables["catalogue"]

        def in_aperture(radius_px: float) -> Fluxes:
            chosen = select_fluxes(
                array,
                exposures,
                catalogue,
                band=fluxes.band,
                radius_px=radius_px,
                reference_exposure=self.gathered.catalogue.exposure_id,
                channel_share=fluxes.channel_share,
            )
            return without_flagged(chosen, exposures, catalogue)

        clean = without_flagged(fluxes, exposures, catalogue)
        found = comparison_tables(array, clean, in_aperture, self.headline_pairs)
        if "channel_responses" in tables:
            responses = tables["channel_responses"]
            fitted = np.isin(clean.exposure_ids, np.unique(texts(responses["exposure_id"])))
            if is_long(clean):
                clean = of_exposures(clean, np.flatnonzero(fitted))
            some = of_exposures(clean, fitted_exposures(clean, MOST_IN_BANDS))
            series = band_series(self.gathered, some, self.settings)
            found["wavelength"] = wavelength_table(series, responses, band=fluxes.band)
        return {name: table for name, table in found.items() if len(table)}

    def further_tables(self) -> dict[str, QTable]:
        """What only this source has."""
        return {}

    def comparable(self, tables: Mapping[str, QTable]) -> Mapping[str, QTable]:
        """The tables that statistics may compare with what was measured."""
        return tables

    def image(self) -> DetectionImage | None:
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
        return read_unit(job.cube)

"""The simulated campaign, whose truth is known."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from astropy.table import QTable

from pipeline.errors import SourceUnavailable
from pipeline.published import read_record
from pipeline.simulation import PlannedExposure, StarSpec, draw_exposures, primary_header
from pipeline.simulation.plan import plan_exposures
from pipeline.sources.measured import MEASURED_CODE, MeasuredCampaign
from pipeline.sources.published import record_files
from pipeline.tasks import measure as measure_tasks
from pipeline.tasks import schedule
from pipeline.tasks.fits_products import read_truth
from pipeline.tasks.inputs import simulated_entries
from pipeline.tasks.measure import Job, SimulationPlan

APERTURE_SUMS = ("center", "exact")  # extraction methods whose fluxes the truth has, too


class SimulatedCampaign(MeasuredCampaign):
    """The record's dates, modes, positions and SNR, with drifting channels of known truth."""

    source = "simulated"
    description = "a simulated campaign, whose truth is known"
    by_default = True
    short_title = "simulated"
    introduction = (
        "Simulated, at the dates and in the modes of the real record, and measured by the "
        "whole chain: nothing here was observed."
    )
    simulated = True
    sections = (*MeasuredCampaign.sections, "simulation")
    code = ("pipeline/simulation", "pipeline/published", *MEASURED_CODE)
    numbers_from = "photometry of the simulated cubes"
    notes = (
        "Everything here is simulated: the nights, modes, star positions and signal-to-noise ratios "
        "are those of the real record, the fluxes and their drifts are not.",
        "Two exposures are spoiled on purpose: by a cloud on 2019-02-19, and by a vignetted corner on "
        "2019-04-27.",
    )

    @cached_property
    def plan(self) -> SimulationPlan:
        """What is simulated: of the record's exposures those in a mode of the campaign.

        Raises
        ------
        SourceUnavailable
            If there is none.
        """
        modes, whole = self.settings.field.modes, simulation_plan()
        kept = [index for index, one in enumerate(whole.planned) if one.mode in modes]
        if not kept:
            raise SourceUnavailable(
                f"field.modes = {list(modes)}: the record that is simulated has no exposure in them"
            )
        reference = whole.reference_index
        return SimulationPlan(
            tuple(whole.planned[index] for index in kept),
            whole.stars,
            kept.index(reference) if reference in kept else None,
        )

    @cached_property
    def planned_jobs(self) -> list[Job]:
        """One job per exposure of the record."""
        self._check_visible()
        field, plan = self.settings.field, self.plan
        exposures = draw_exposures(
            plan.planned, field, self.settings.simulation, plan.reference_index
        )
        entries = simulated_entries([primary_header(one, field) for one in exposures])
        return schedule.plan_jobs(entries, self.settings, self.workspace, self.plan)

    def _check_visible(self) -> None:
        """Refuse a field that is below the horizon in a night of the record.

        Raises
        ------
        SourceUnavailable
            If it is; the message names the night.
        """
        field = self.settings.field
        for one in plan_exposures(self.plan.planned, field, self.settings.simulation, None, False):
            if not np.isfinite(one.mean_airmass):
                raise SourceUnavailable(
                    f"field {field.name} (RA {field.ra_deg:g}, Dec {field.dec_deg:g}) is below the "
                    f"horizon in the night of {one.night}: the simulated campaign has the nights of "
                    "the record, so leave it out (--source names the others)"
                )

    def data(self) -> Mapping[str, str]:
        """The record, whose dates, modes, positions and SNR are simulated."""
        return record_files()

    def further_tables(self) -> dict[str, QTable]:
        """The truth, and the SNR in the exposure that was given the record's."""
        campaign = measure_tasks.build_simulation(self.plan, self.settings)
        return {
            **campaign.truth(with_fluxes=False),
            "truth_fluxes": read_truth([job.truth for job in self.jobs if job.truth.exists()]),
        }

    def comparable(self, tables: Mapping[str, QTable]) -> Mapping[str, QTable]:
        """All, but the truth only where sums over apertures were measured, as its are."""
        if self.settings.extraction.method in APERTURE_SUMS:
            return tables
        return {name: table for name, table in tables.items() if not name.startswith("truth_")}

    def unit(self) -> str:
        """Unit of the simulated cubes."""
        campaign = measure_tasks.build_simulation(self.plan, self.settings)
        return str(campaign.headers(0)[1]["BUNIT"])


def simulation_plan() -> SimulationPlan:
    """The record of 2019 as a plan: its nights and modes, its stars with their SNR."""
    record = read_record()
    tables = record.tables
    exposures, catalogue, snr = (tables[name] for name in ("exposures", "catalogue", "snr"))
    planned = tuple(PlannedExposure(str(row["night"]), str(row["mode"])) for row in exposures)
    columns = [name for name in snr.colnames if name != "star_id"]
    snr_of = {int(row["star_id"]): tuple(float(row[name]) for name in columns) for row in snr}
    stars = tuple(
        StarSpec(int(star), float(x), float(y), snr_of[int(star)])
        for star, x, y in zip(
            catalogue["star_id"], catalogue["x"].value, catalogue["y"].value, strict=True
        )
    )
    ids = [str(name) for name in exposures["exposure_id"]]
    return SimulationPlan(planned, stars, ids.index(record.reference_exposure))

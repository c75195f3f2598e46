"""The doors of one exposure: read a product, call the pure step, write the product.

A job is everything that a worker needs to bring one exposure as far as it can get: simulate (if
the source is the simulator), detect and, once the reference is chosen, measure. What is not stale
is left alone; a simulated cube is purged when nothing more is to be read from it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config.paths import ROOT
from pipeline.config.settings import Settings
from pipeline.errors import RequestError
from pipeline.measure import detect, make_reference, measure
from pipeline.measure.bands import load_band
from pipeline.measure.reference import (
    ReferenceCatalogue,
    Sharpness,
    StarRegistry,
    choose_reference,
    reference_candidates,
)
from pipeline.muse.cube import open_cube, write_cube
from pipeline.simulation import PlannedExposure, SimulatedCampaign, StarSpec, simulate_campaign
from pipeline.tasks.fits_products import (
    read_detection,
    read_table,
    write_detection,
    write_measurement,
)
from pipeline.tasks.inputs import InputExposure
from pipeline.workflow import products
from pipeline.workflow.products import Stamp

_MEASURE_CODE = (
    "pipeline/measure",
    "pipeline/muse/cube.py",
    "pipeline/muse/geometry.py",
    "pipeline/tasks/fits_products.py",
)
MEASURED_CODE = (*_MEASURE_CODE, "kdmatch")  # everything between a cube and its photometry
_SIMULATION_CODE = ("pipeline/simulation", "pipeline/muse/cube.py", "pipeline/muse/geometry.py")


@dataclass(frozen=True)
class SimulationPlan:
    """What the simulated campaign is made of: the dates, modes, positions and SNR of the record."""

    planned: tuple[PlannedExposure, ...]
    stars: tuple[StarSpec, ...]
    reference_index: int  # the exposure that shows the SNR of the record


@dataclass(frozen=True)
class Job:
    """One exposure on its way through the stages."""

    entry: InputExposure
    settings: Settings
    folder: Path  # of this exposure's products
    plan: SimulationPlan | None = None  # of a simulated exposure
    reference: Path | None = None  # the catalogue; None: detect only

    @property
    def cube(self) -> Path:
        """The cube file: the reader's own, or the simulated one."""
        return self.entry.cube_path or self.folder / "cube.fits"

    @property
    def detection(self) -> Path:
        """Product of ``detect``."""
        return self.folder / "detection.fits"

    @property
    def truth(self) -> Path:
        """True fluxes of a simulated exposure."""
        return self.folder / "truth.ecsv"

    @property
    def measurement(self) -> Path:
        """Product of ``measure``."""
        return self.folder / "measurement.fits"


def job_folder(workspace: Path, entry: InputExposure) -> Path:
    """Where an exposure's products live."""
    return exposure_folder(workspace, entry.exposure_id)


def exposure_folder(workspace: Path, exposure_id: str) -> Path:
    """Where the products of that exposure live; the name is foreign and is made harmless."""
    return workspace / "exposures" / products.safe_name(exposure_id)


def build_simulation(plan: SimulationPlan, settings: Settings) -> SimulatedCampaign:
    """The simulated campaign; cheap, and the same in every process."""
    return _simulation(plan, settings)


@lru_cache(maxsize=2)
def _simulation(plan: SimulationPlan, settings: Settings) -> SimulatedCampaign:
    band = load_band(settings.statistics.band)
    return simulate_campaign(
        plan.planned,
        plan.stars,
        settings.field,
        settings.simulation,
        band=(band.wave_aa, band.weight),
        reference_index=plan.reference_index,
    )


def cube_ingredients(job: Job) -> dict[str, Any]:
    """What shapes the cube: the simulation, or the content of the reader's file."""
    if job.entry.cube_key:
        return {"stage": "cube", "made": job.entry.cube_key}
    if job.plan is None:
        return {"stage": "cube", "content": products.fingerprint(job.cube)}
    simulation = asdict(job.settings.simulation)
    del simulation["keep_cubes"]  # says what becomes of the cube, not what is in it
    return {
        "stage": "simulate",
        "code": products.code_digest(*_SIMULATION_CODE),
        "libraries": products.library_versions(),
        "settings": {"simulation": simulation, "field": asdict(job.settings.field)},
        "plan": products.digest(asdict(job.plan)),
        "exposure": job.entry.simulation_index,
    }


def detect_ingredients(job: Job) -> dict[str, Any]:
    """What shapes the detections of one exposure."""
    return {
        "stage": "detect",
        "code": products.code_digest(*_MEASURE_CODE),
        "libraries": products.library_versions(),
        "settings": {
            "detection": asdict(job.settings.detection),
            "field.pixel_scale_arcsec": job.settings.field.pixel_scale_arcsec,
        },
        "inputs": {"cube": products.digest(cube_ingredients(job))},
    }


def measure_ingredients(job: Job, reference_key: str) -> dict[str, Any]:
    """What shapes the measurement of one exposure, given the identity of the reference."""
    return {
        "stage": "measure",
        "code": products.code_digest(*_MEASURE_CODE, "kdmatch"),
        "libraries": products.library_versions(),
        "settings": {
            name: asdict(getattr(job.settings, name))
            for name in ("matching", "extraction", "photometry")
        },
        "inputs": {
            "detection": products.digest(detect_ingredients(job)),
            "reference": reference_key,
        },
    }


def staleness(job: Job) -> dict[str, str]:
    """Which stages of the job are stale, and why; empty if there is nothing to do."""
    if job.entry.error is not None:
        return {}
    stale = {}
    if reason := products.staleness(job.detection, detect_ingredients(job)):
        stale["detect"] = reason
    if job.reference is not None and not _failed(job.detection):
        ingredients = measure_ingredients(job, reference_key(job.reference))
        if reason := products.staleness(job.measurement, ingredients):
            stale["measure"] = reason
    return stale


def _failed(product: Path) -> bool:
    stamp = products.read_stamp(product)
    return stamp is not None and stamp.state == products.FAILED


def reference_key(reference: Path) -> str:
    """Identity of the reference catalogue: its content.

    A new exposure may enter the choice without changing its outcome; then nothing is stale.
    """
    stamp = products.read_stamp(reference)
    return stamp.outputs.get(reference.name, "") if stamp else ""


def run_job(job: Job) -> Stamp:
    """Bring one exposure as far as it can get; returns the stamp of the last stage that ran.

    A typed failure of the exposure is in the stamp. The stages run in order, and each reads what
    the one before wrote: killed in between, the next run goes on where this one stopped.
    """
    stale = staleness(job)
    stamp = products.read_stamp(job.measurement if job.reference else job.detection)
    if "detect" in stale:
        stamp = _run_detect(job)
    if job.reference is not None and not _failed(job.detection):
        ingredients = measure_ingredients(job, reference_key(job.reference))
        if products.staleness(job.measurement, ingredients):
            stamp = _run_measure(job, job.reference, ingredients)
    if (
        job.plan is not None
        and job.reference is not None
        and not job.settings.simulation.keep_cubes
    ):
        products.purge(job.cube)
    assert stamp is not None  # whatever is not stale has a stamp
    return stamp


def _ensure_cube(job: Job) -> None:
    """Simulate the cube if it is not there, and write the truth beside it."""
    if job.plan is None:
        return
    ingredients = cube_ingredients(job)
    campaign = build_simulation(job.plan, job.settings)
    index = job.entry.simulation_index
    assert index is not None

    def build_truth(output: products.Output) -> None:
        campaign.exposure_fluxes(index).write(output.path(job.truth.name), format="ascii.ecsv")

    def build_cube(output: products.Output) -> None:
        write_cube(output.path(job.cube.name), campaign.headers(index), campaign.layers(index))

    if products.staleness(job.truth, ingredients):
        products.make(job.truth, "truth", ingredients, build_truth)
    if products.staleness(job.cube, ingredients) or not job.cube.exists():
        transient = not job.settings.simulation.keep_cubes
        products.make(job.cube, "simulate", ingredients, build_cube, transient=transient)


def _run_detect(job: Job) -> Stamp:
    _ensure_cube(job)

    def build(output: products.Output) -> None:
        write_detection(output.path(job.detection.name), detect(open_cube(job.cube), job.settings))

    return products.make(job.detection, "detect", detect_ingredients(job), build)


def _run_measure(job: Job, reference: Path, ingredients: Mapping[str, Any]) -> Stamp:
    _ensure_cube(job)
    catalogue = read_reference(reference)

    def build(output: products.Output) -> None:
        detected_xy = read_detection(job.detection).sources.xy
        measurement = measure(open_cube(job.cube), detected_xy, catalogue, job.settings)
        write_measurement(output.path(job.measurement.name), measurement, catalogue.star_id)

    return products.make(job.measurement, "measure", ingredients, build)


def candidates(jobs: list[Job], settings: Settings) -> list[Job]:
    """The jobs among which the reference is chosen: detect on these first."""
    exposures = [job.entry.exposure for job in jobs if job.entry.exposure and not job.entry.error]
    wanted = reference_candidates(exposures, settings.reference)
    by_id = {job.entry.exposure_id: job for job in jobs}
    return [by_id[exposure_id] for exposure_id in wanted]


def run_reference(product: Path, looked_at: list[Job], settings: Settings, root: Path) -> Stamp:
    """Choose the reference exposure and write its catalogue, unless that is done.

    Parameters
    ----------
    product : Path
        The catalogue to write.
    looked_at : list of Job
        The candidates, detected.
    root : Path
        Folder that relative paths of ``report.toml`` start from.

    Raises
    ------
    NoReferenceExposure
        If no candidate shows stars, or the registry is not of this field.
    """
    registry_path = _registry_path(settings.field.star_registry, root)
    registry = _read_registry(registry_path) if registry_path else None
    ingredients = {
        "stage": "reference",
        "code": products.code_digest(*_MEASURE_CODE, "kdmatch"),
        "libraries": products.library_versions(),
        "settings": {
            name: asdict(getattr(settings, name))
            for name in ("reference", "matching", "extraction", "statistics")
        },
        "registry": products.file_sha256(registry_path) if registry_path else "",
        "inputs": {
            job.entry.exposure_id: products.digest(detect_ingredients(job)) for job in looked_at
        },
    }
    if not products.staleness(product, ingredients):
        stamp = products.read_stamp(product)
        assert stamp is not None
        return stamp

    def build(output: products.Output) -> None:
        detected = {
            job.entry.exposure_id: read_detection(job.detection)
            for job in looked_at
            if not _failed(job.detection)
        }
        sharpness = {
            name: Sharpness(len(one.sources.x), one.sources.fwhm_px)
            for name, one in detected.items()
        }
        exposures = [job.entry.exposure for job in looked_at if job.entry.exposure]
        chosen = choose_reference(exposures, sharpness, settings.reference)
        catalogue = make_reference(chosen, detected[chosen], registry, settings)
        catalogue.table().write(output.path(product.name), format="ascii.ecsv")

    return products.make(product, "reference", ingredients, build)


def read_reference(product: Path) -> ReferenceCatalogue:
    """The reference catalogue of a campaign."""
    return ReferenceCatalogue.from_table(read_table(product))


def _registry_path(name: str, root: Path) -> Path | None:
    """The registry's file beside the configuration, or else one that comes with the project."""
    if not name:
        return None
    beside = root / name
    return beside if beside.exists() else ROOT / name


def registry_digest(settings: Settings, root: Path) -> dict[str, str]:
    """Name and digest of the file of known stars; empty without one."""
    path = _registry_path(settings.field.star_registry, root)
    return {path.name: products.file_sha256(path)} if path else {}


def _read_registry(path: Path) -> StarRegistry:
    try:
        table = read_table(path)
        columns = [
            np.asarray(getattr(table[name], "value", table[name])) for name in ("id", "x", "y")
        ]
    except (OSError, KeyError, ValueError) as error:
        raise RequestError(
            f"field.star_registry = {str(path)!r}: an ECSV table with columns id, x, y is needed ({error})"
        ) from error
    return StarRegistry(*columns)


def outcome(job: Job) -> tuple[str, str]:
    """Identity of an exposure and digest of what came of it."""
    if job.entry.error is not None:
        return job.entry.exposure_id, str(job.entry.error)
    stamp = products.read_stamp(job.measurement) or products.read_stamp(job.detection)
    return job.entry.exposure_id, products.digest([stamp.key, stamp.error]) if stamp else ""


def mark_lost(job: Job, error: Exception) -> None:
    """Write down that the worker of a job was killed more than once; the next run tries again."""
    stage, product = ("measure", job.measurement) if job.reference else ("detect", job.detection)
    ingredients = (
        measure_ingredients(job, reference_key(job.reference))
        if job.reference
        else detect_ingredients(job)
    )
    product.parent.mkdir(parents=True, exist_ok=True)
    products.write_stamp(
        product,
        Stamp(
            stage,
            products.digest(ingredients),
            ingredients,
            products.LOST,
            error_type="WorkerLost",
            error=f"{job.entry.exposure_id}: the worker was killed ({error})",
        ),
    )

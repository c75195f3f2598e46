"""One exposure as a job: where its products are, what shapes each, which of them are stale."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.config.passbands import band_path, load_band
from pipeline.config.settings import Field, Settings, SimulationSettings
from pipeline.errors import CubeUnreadable
from pipeline.muse.fits_layout import check_regular
from pipeline.published import BAND as RECORD_BAND
from pipeline.simulation import CampaignRealization, PlannedExposure, StarSpec, simulate_campaign
from pipeline.tasks.entry import InputExposure
from pipeline.workflow import products
from pipeline.workflow.products import Stamp

MEASURE_CODE = (
    "pipeline/measure",
    "pipeline/config/passbands.py",
    "pipeline/config/star_registry.py",
    "pipeline/muse/circles.py",
    "pipeline/muse/compressed_file.py",
    "pipeline/muse/cube.py",
    "pipeline/muse/cube_checks.py",
    "pipeline/muse/cube_images.py",
    "pipeline/muse/fits_layout.py",
    "pipeline/muse/geometry.py",
    "pipeline/muse/headers.py",
    "pipeline/muse/image_layers.py",
    "pipeline/muse/missing.py",
    "pipeline/muse/modes.py",
    "pipeline/muse/numbers.py",
    "pipeline/muse/spatial_axes.py",
    "pipeline/muse/spectral_axis.py",
    "pipeline/muse/variance.py",
    "pipeline/tasks/fits_products.py",
    "pipeline/tasks/fits_units.py",
)
MEASURED_CODE = (*MEASURE_CODE, "kdmatch")  # everything between a cube and its photometry
SIMULATION_CODE = (
    "pipeline/simulation",
    "pipeline/config/passbands.py",
    "pipeline/muse/circles.py",
    "pipeline/muse/cube.py",
    "pipeline/muse/geometry.py",
    "pipeline/muse/modes.py",
)
SEEN = "seen"  # ingredients that only tell whether a file may have changed: no part of its content


@dataclass(frozen=True)
class SimulationPlan:
    """What the simulated campaign is made of: the dates, modes, positions and SNR of the record."""

    planned: tuple[PlannedExposure, ...]
    stars: tuple[StarSpec, ...]
    reference_index: int | None  # the exposure that shows the SNR of the record; None: not in it


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
        return self.folder / "truth.fits"

    @property
    def measurement(self) -> Path:
        """Product of ``measure``."""
        return self.folder / "measurement.fits"


def job_folder(workspace: Path, entry: InputExposure) -> Path:
    """Where an exposure's products live."""
    return exposure_folder(workspace, entry.exposure_id)


def exposure_folder(workspace: Path, exposure_id: str) -> Path:
    """Where the products of that exposure are kept; its identity is turned into a safe file name."""
    return workspace / "exposures" / products.safe_name(exposure_id)


def build_simulation(plan: SimulationPlan, settings: Settings) -> CampaignRealization:
    """The simulated campaign; cheap, and the same in every process.

    Its stars have the signal-to-noise ratios of the record, in the passband of the record.
    """
    return _simulation(plan, settings.field, settings.simulation)


@lru_cache(maxsize=2)
def _simulation(
    plan: SimulationPlan, field: Field, simulation: SimulationSettings
) -> CampaignRealization:
    band = load_band(RECORD_BAND)
    return simulate_campaign(
        plan.planned,
        plan.stars,
        field,
        simulation,
        band=(band.wave_aa, band.weight),
        reference_index=plan.reference_index,
        band_name=band.name,
    )


def cube_ingredients(job: Job) -> dict[str, Any]:
    """What shapes the cube: the simulation, or the content of the reader's file."""
    if job.entry.cube_key:
        return {"stage": "cube", "made": job.entry.cube_key}
    if job.plan is None:
        return _file_ingredients(job.cube)
    return {
        "stage": "simulate",
        "code": products.code_digest(*SIMULATION_CODE),
        "libraries": products.library_versions(),
        "settings": job.settings.read_by("simulate"),
        "passbands": passbands(RECORD_BAND),
        "plan": _plan_digest(job.plan),
        "exposure": job.entry.simulation_index,
    }


@lru_cache(maxsize=8)  # every job of a campaign has the same plan
def _plan_digest(plan: SimulationPlan) -> str:
    return products.digest(asdict(plan))


def _file_ingredients(path: Path) -> dict[str, Any]:
    """Content of a file, and the time of its last change; of one that cannot be read the reason.

    The time stands for the data between the blocks that are looked at.
    """
    try:
        check_regular(path)
        state = file_state(path)
        content = _fingerprint(path, state)
    except (CubeUnreadable, OSError) as error:
        return {"stage": "cube", "unreadable": str(getattr(error, "strerror", None) or error)}
    return {"stage": "cube", "content": content, SEEN: {"mtime_ns": state[1]}}


# Size [byte], times of the last change of content and of inode [ns]
FileState = tuple[int, int, int]
FINGERPRINTS: dict[tuple[Path, FileState], str] = {}  # of files in a state, each taken once


def file_state(path: Path) -> FileState:
    """What tells a changed file from an unchanged one without reading it."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _fingerprint(path: Path, state: FileState) -> str:
    """The fingerprint of a file, taken once for each state of it."""
    if (path, state) not in FINGERPRINTS:
        FINGERPRINTS[path, state] = products.fingerprint(path)
    return FINGERPRINTS[path, state]


def passbands(*names: str) -> dict[str, str]:
    """Content of the files of passbands, by name."""
    return {name: products.file_sha256(band_path(name)) for name in names}


def truth_ingredients(job: Job) -> dict[str, Any]:
    """What shapes the true fluxes of a simulated exposure: what it holds, what is summed of it."""
    return {
        "stage": "truth",
        "settings": job.settings.read_by("truth"),
        "passbands": passbands(job.settings.statistics.band),
        "inputs": {"cube": products.digest(cube_ingredients(job))},
    }


def detect_ingredients(job: Job) -> dict[str, Any]:
    """What shapes the detections of one exposure."""
    cube = cube_ingredients(job)
    declared = {"declared": dict(job.entry.declared)} if job.entry.declared else {}
    return {
        **declared,
        "stage": "detect",
        "code": products.code_digest(*MEASURE_CODE),
        "libraries": products.library_versions(),
        "settings": job.settings.read_by("detect"),
        "inputs": {"cube": content_digest(cube)},
        SEEN: cube.get(SEEN, {}),
    }


def measure_ingredients(job: Job, reference_key: str) -> dict[str, Any]:
    """What shapes the measurement of one exposure, given the identity of the reference."""
    detection = detect_ingredients(job)
    return {
        "stage": "measure",
        "code": products.code_digest(*MEASURED_CODE),
        "libraries": products.library_versions(),
        "settings": job.settings.read_by("measure"),
        "passbands": passbands(*job.settings.photometry.bands),
        "inputs": {"detection": content_digest(detection), "reference": reference_key},
        SEEN: detection[SEEN],
    }


def content_digest(ingredients: Mapping[str, Any]) -> str:
    """Digest of what shapes the content of a product: the same however often files are copied."""
    return products.digest({key: one for key, one in ingredients.items() if key != SEEN})


def reference_key(reference: Path) -> str:
    """Identity of the reference catalogue: its content.

    A new exposure may enter the choice without changing its outcome; then nothing is stale.
    """
    stamp = products.read_stamp(reference)
    output = stamp.outputs.get(reference.name) if stamp else None
    return output.digest if output else ""


def staleness(job: Job, *, verify: bool = False) -> dict[str, str]:
    """Which stages of the job are stale, and why; empty if there is nothing to do.

    Parameters
    ----------
    verify : bool
        Hash every product instead of trusting size and time.
    """
    if job.entry.error is not None:
        return {}
    wanted = {"detect": (job.detection, detect_ingredients(job))}
    if job.plan is not None:
        wanted = {"truth": (job.truth, truth_ingredients(job)), **wanted}
    if job.reference is not None and not failed(job.detection):
        key = reference_key(job.reference)
        wanted["measure"] = (job.measurement, measure_ingredients(job, key))
    found = {
        stage: products.staleness(product, ingredients, verify=verify)
        for stage, (product, ingredients) in wanted.items()
    }
    return {stage: reason for stage, reason in found.items() if reason}


def failed(product: Path) -> bool:
    """Whether a stage was tried on this input and failed."""
    stamp = products.read_stamp(product)
    return stamp is not None and stamp.state == products.FAILED


def done(product: Path) -> bool:
    """Whether a product was made and is there."""
    stamp = products.read_stamp(product)
    return stamp is not None and stamp.state == products.DONE and product.exists()


def final_stamp(job: Job) -> Stamp | None:
    """The stamp of the last stage that had to run, None if it has not.

    A detection that failed is the end: a measurement of an earlier state of the cube says nothing.
    """
    detection = products.read_stamp(job.detection)
    if detection is None or detection.state != products.DONE or job.reference is None:
        return detection
    return products.read_stamp(job.measurement)


def outcome(job: Job) -> tuple[str, str]:
    """Identity of an exposure and digest of its outcome."""
    if job.entry.error is not None:
        return job.entry.exposure_id, str(job.entry.error)
    stamp = final_stamp(job)
    if stamp is None:
        return job.entry.exposure_id, ""
    content = content_digest(stamp.ingredients)
    return job.entry.exposure_id, products.digest([content, stamp.state, stamp.error])

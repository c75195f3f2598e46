"""A campaign's standards, from trees and raw frames to cubes on one grid with one response.

The first exposure that succeeds defines the grid, and, unless the settings name a response, the
response; both are kept beside the products and stay the same whatever is reduced later.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from astropy.io import fits

from pipeline.config.settings import ReductionSettings
from pipeline.errors import ExposureError
from pipeline.muse.association import AssociationTree, parse_tree
from pipeline.reduction import files
from pipeline.reduction.association import RequestedStandard, check_standard, standard_calibrations
from pipeline.reduction.calibration_use import calibration_record
from pipeline.reduction.execute import Outcome, run_calls
from pipeline.reduction.plan import ALL_CHANNELS, Choices, Input, Plan, merge, plan_reduction
from pipeline.reduction.runners import check_parameters
from pipeline.reduction.statics import tables_for
from pipeline.reduction.workspace import RecipeWorkspace, product_paths, read_record
from pipeline.schema.calibration_record import CalibrationRecord
from pipeline.workflow import products

GRID, RESPONSE = "grid", "response"  # names of the campaign's own files
GRID_FILE, RESPONSE_FILE = "grid.fits", "response.fits"
_TIMED = ("STD", "BIAS", "FLAT", "ARC", "ILLUM", "SKYFLAT")  # frames whose time matters
DEFINED_BY = "defined_by.json"  # which exposure defines them


@dataclass(frozen=True)
class ReductionRequest:
    """One exposure to reduce: the tree that the archive sent, and what it was asked for."""

    tree: bytes | AssociationTree  # XML as it came, or a tree already read
    wanted: RequestedStandard


@dataclass(frozen=True)
class Reduction:
    """Outcome of one exposure."""

    dp_id: str
    cube: Path | None  # DATACUBE_FINAL
    error: ExposureError | None = None
    uncalibrated: Path | None = None  # the cube without flux calibration, if it was asked for
    calls: tuple[str, ...] = ()  # ids of the calls that made it, in order; see ``read_record``
    notes: tuple[str, ...] = ()
    calibrations: CalibrationRecord | None = None  # None: there is no plan


@dataclass(frozen=True)
class Planned:
    """The plan of one exposure, and with what it is calibrated."""

    plan: Plan
    calibrations: CalibrationRecord
    tables: Mapping[str, Path]  # static tables of the installation that it may use, by name


@dataclass
class _Campaign:
    """The files that all exposures of a work folder share."""

    workspace: RecipeWorkspace
    settings: ReductionSettings
    log: Callable[[str], None]
    done: dict[str, Reduction] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where grid and response live."""
        return self.workspace.campaign or self.workspace.folder

    @property
    def grid(self) -> Path:
        return self.folder / GRID_FILE

    @property
    def response(self) -> Path:
        given = self.settings.response
        return Path(given) if given else self.folder / RESPONSE_FILE

    @property
    def defined_by(self) -> str:
        """The exposure that defines the grid, "" if none does yet."""
        path = self.folder / DEFINED_BY
        return str(json.loads(path.read_text())["dp_id"]) if path.exists() else ""

    def shared(self) -> RecipeWorkspace:
        """The workspace with the files that exist by now."""
        known = {GRID: self.grid, RESPONSE: self.response}
        extra = {name: path for name, path in known.items() if path.exists()}
        return replace(self.workspace, extra=extra)


def plan_request(
    request: ReductionRequest,
    raw: Path,
    choices: Choices,
    tables: Mapping[str, Sequence[Path]] | None = None,
) -> Planned:
    """The plan of one exposure, after its tree and its raw frame have been checked.

    Parameters
    ----------
    tables : mapping of str to sequence of Path, or None
        Static tables of the recipes' installation by category; None: not known.

    Raises
    ------
    ExposureError
        One of the kinds that ``standard_calibrations``, ``check_standard`` and ``plan_request``
        raise.
    """
    tree = request.tree if isinstance(request.tree, AssociationTree) else parse_tree(request.tree)
    found = standard_calibrations(tree, request.wanted, tables)
    standard = found.group.files[0].name
    frame = files.find_file(raw, standard)
    files.check_file(frame)
    header = files.primary_header(frame)
    said = check_standard(header, replace(request.wanted, dp_id=standard))
    facts = files.frame_facts(
        raw, [f.name for f in found.group.all_files() if f.category in _TIMED]
    )
    exposure = facts[standard]
    suited = tables_for(tables or {}, str(header.get("ESO INS MODE", "")), exposure.mjd)
    named = {f"installed/{path.name}": (tag, path) for tag, path in suited.items()}
    choices = replace(
        choices, installed=tuple(Input(tag, name) for name, (tag, _) in named.items())
    )
    plan = plan_reduction(found.group, choices, facts)
    plan = replace(plan, notes=(*said, *found.notes, *plan.notes))
    record = calibration_record(plan, tree, found, facts, choices.channels)
    return Planned(plan, record, {name: path for name, (_, path) in named.items()})


def plan_only(
    requests: Sequence[ReductionRequest],
    raw: Path,
    settings: ReductionSettings,
    *,
    defined: bool,
    tables: Mapping[str, Sequence[Path]] | None = None,
) -> list[Planned | ExposureError]:
    """What a reduction of these exposures would do, or why one of them cannot be reduced.

    Parameters
    ----------
    defined : bool
        Whether an exposure has defined the campaign's grid and response; else the first will.
    tables : mapping of str to sequence of Path, or None
        Static tables of the recipes' installation by category; None: not known.
    """
    found: list[Planned | ExposureError] = []
    for number, request in enumerate(requests):
        choices = choices_of(settings, defines=not defined and number == 0)
        try:
            found.append(plan_request(request, raw, choices, tables))
        except ExposureError as error:
            found.append(error)
    return found


def choices_of(settings: ReductionSettings, *, defines: bool) -> Choices:
    """What the settings decide about a reduction, which may define grid and response itself."""
    has_response = bool(settings.response) or not defines
    return Choices(
        parameters=settings.parameters,
        channels=settings.channels or ALL_CHANNELS,
        response=Input("STD_RESPONSE", RESPONSE) if has_response else None,
        grid=None if defines else Input("OUTPUT_WCS", GRID),
        uncalibrated=settings.uncalibrated,
    )


def reduce_exposures(
    requests: Sequence[ReductionRequest],
    workspace: RecipeWorkspace,
    settings: ReductionSettings,
    log: Callable[[str], None] = lambda _: None,
) -> tuple[Reduction, ...]:
    """Reduce exposures; one that fails is a ``Reduction`` with an error, never an exception.

    Parameters
    ----------
    requests : sequence of ReductionRequest
        In the order of preference for defining the grid.
    tell : callable
        Receives a line for every call that ends.
    """
    for folder in (workspace.folder, workspace.campaign or workspace.folder):
        folder.mkdir(parents=True, exist_ok=True)
    check_parameters(workspace.runner, settings.parameters)
    with products.exclusive(workspace.folder):
        campaign = _Campaign(workspace, settings, log)
        results: dict[int, Reduction] = {}
        for number, request in enumerate(requests):
            if campaign.defined_by:
                break
            (results[number],) = _reduce(campaign, [request], defines=True)
            _define(campaign, results[number])
        definer = campaign.defined_by
        for defines in (True, False):
            rest = [
                n
                for n, request in enumerate(requests)
                if n not in results and (request.wanted.dp_id == definer) is defines
            ]
            reduced = _reduce(campaign, [requests[n] for n in rest], defines)
            results.update(zip(rest, reduced, strict=True))
    return tuple(results[number] for number in range(len(requests)))


def _reduce(
    campaign: _Campaign, requests: Sequence[ReductionRequest], defines: bool
) -> list[Reduction]:
    """Reduce some exposures together, so that shared calibrations are made once."""
    workspace, choices = campaign.shared(), choices_of(campaign.settings, defines=defines)
    planned: list[Planned | ExposureError] = []
    for request in requests:
        try:
            planned.append(plan_request(request, workspace.raw, choices, workspace.runner.tables))
        except ExposureError as error:
            planned.append(error)
    ready = [one for one in planned if isinstance(one, Planned)]
    good = [one.plan for one in ready]
    tables = {name: path for one in ready for name, path in one.tables.items()}
    workspace = replace(workspace, extra={**workspace.extra, **tables})
    wanted = [i for plan in good for i in (plan.cube, plan.uncalibrated) if i]
    responses = [i.call for p in good for c in p.calls for i in c.inputs if i.tag == "STD_RESPONSE"]
    outcome = run_calls(
        merge(good),
        workspace,
        wanted=wanted,
        keep=[call for call in responses if call],
        purge=not campaign.settings.keep,
        log=campaign.log,
    )
    return [
        _result(request, one, workspace, outcome)
        for request, one in zip(requests, planned, strict=True)
    ]


def _result(
    request: ReductionRequest,
    planned: Planned | ExposureError,
    workspace: RecipeWorkspace,
    outcome: Outcome,
) -> Reduction:
    if isinstance(planned, ExposureError):
        return Reduction(request.wanted.dp_id, None, planned)
    plan = planned.plan
    calls = tuple(call.id for call in plan.calls)
    failure = outcome.failed.get(plan.cube)
    cubes = product_paths(workspace, plan.cube, "DATACUBE_FINAL")
    bare = (
        product_paths(workspace, plan.uncalibrated, "DATACUBE_FINAL") if plan.uncalibrated else ()
    )
    return Reduction(
        plan.standard,
        cubes[0] if cubes and failure is None else None,
        failure or (outcome.failed.get(plan.uncalibrated) if plan.uncalibrated else None),
        bare[0] if bare else None,
        calls,
        plan.notes,
        planned.calibrations,
    )


def _define(campaign: _Campaign, first: Reduction) -> None:
    """Let a successful reduction define the grid and the response for all others."""
    if first.cube is None:
        return
    campaign.grid.unlink(missing_ok=True)
    write_grid(first.cube, campaign.grid)
    if not campaign.settings.response:
        for call_id in first.calls:
            for path in product_paths(campaign.workspace, call_id, "STD_RESPONSE"):
                shutil.copyfile(path, campaign.response)
    with products.atomic_file(campaign.folder / DEFINED_BY) as file:
        json.dump({"dp_id": first.dp_id}, file)


def shared_identity(folder: Path) -> dict[str, str]:
    """Which exposure defined the grid and the response in a folder, and their content; {} if none."""
    if not (folder / DEFINED_BY).exists():
        return {}
    found = {"by": str(json.loads((folder / DEFINED_BY).read_text())["dp_id"])}
    for name in (GRID_FILE, RESPONSE_FILE):
        if (folder / name).exists():  # there is no response file where the settings name one
            found[name] = products.fingerprint(folder / name)
    return found


def write_grid(cube: Path, path: Path) -> None:
    """Write the grid of a cube as an OUTPUT_WCS: its header over a file of zeros without size.

    The recipe reads the header alone. The data that the header promises are a hole in the file,
    so that 24 channels' grid takes a few kB of disk.
    """
    with fits.open(cube) as hdus:
        header = hdus["DATA"].header.copy()
    header.remove("XTENSION", ignore_missing=True)
    header["BITPIX"] = 8
    grid = fits.PrimaryHDU(header=header).header
    grid["SIMPLE"], grid["BITPIX"], grid["NAXIS"] = True, 8, 3
    for axis in (1, 2, 3):
        grid.set(
            f"NAXIS{axis}",
            header[f"NAXIS{axis}"],
            after=f"NAXIS{axis - 1}" if axis > 1 else "NAXIS",
        )
    grid["HIERARCH ESO PRO CATG"] = "OUTPUT_WCS"
    for key in ("PCOUNT", "GCOUNT", "EXTNAME"):
        grid.remove(key, ignore_missing=True)
    text = grid.tostring().encode()
    n_bytes = header["NAXIS1"] * header["NAXIS2"] * header["NAXIS3"]
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(text)
        file.truncate(len(text) + n_bytes + -n_bytes % 2880)
    part.replace(path)


def call_records(folder: Path, calls: Sequence[str]) -> list[dict[str, object]]:
    """What is kept of an exposure's reduction, a record per call that ran, in request.

    Parameters
    ----------
    folder : Path
        Of the workspace.
    calls : sequence of str
        ``Reduction.calls``.
    """
    records = [read_record(folder, call_id) for call_id in calls]
    return [record for record in records if record]

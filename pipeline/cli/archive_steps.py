"""The steps of the archive's commands: connections and folders opened, fields retrieved."""

import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from astropy.table import Table

from pipeline.archive import retrieval
from pipeline.archive.auth import Login
from pipeline.archive.availability import availability
from pipeline.archive.calendar import page_html
from pipeline.archive.download import Downloads
from pipeline.archive.gaia import StarList
from pipeline.archive.products import ReducedCube, holdings, query_field, with_modes
from pipeline.archive.queries import SCIENCE_FIELDS, STANDARD_STARS
from pipeline.archive.selection import Selection
from pipeline.archive.service import ArchiveService, EsoArchive, archive_client
from pipeline.archive.store import Store, file_sha256, read_record, write_bytes, write_table
from pipeline.archive.tap import SIMULATED
from pipeline.archive.transfer import Transfer, size_text
from pipeline.cli.archive_output import (
    COMPLETE,
    print_plan,
    report_cubes,
    report_results,
)
from pipeline.config.loader import read_settings
from pipeline.config.settings import Settings
from pipeline.errors import ArchiveRefused, ConfigError, WorkspaceError
from pipeline.http import HttpClient
from pipeline.tasks import identification
from pipeline.tasks.fits_products import read_table
from pipeline.tasks.identification import identification_name
from pipeline.workflow.products import exclusive, sweep_parts
from pipeline.workflow.progress import say

PRODUCTS, RAW_FRAMES, BOTH_KINDS = "products", "raw", "both"  # what --prefer may say


def retrieve_field(
    settings: Settings,
    client: HttpClient,
    store: Store,
    archive: ArchiveService,
    *,
    years: Sequence[int],
    collection: str,
    prefer: str,
    nights: Sequence[str],
    dry_run: bool,
    ask_again: bool,
    verify: bool,
) -> int:
    """Fetch what one field's nights need, and name what is missing; returns the exit status."""
    wanted = wanted_years(years, settings)
    if collection == SCIENCE_FIELDS:
        if prefer == RAW_FRAMES:
            raise ConfigError("--prefer raw: raw frames of science fields are not reduced here")
        found = retrieval.Survey((), ())
        cubes = survey_cubes(settings, wanted, archive, collection, found)
    else:
        found = retrieval.survey(settings, wanted, archive)
        cubes = survey_cubes(settings, wanted, archive, collection, found)
        write_availability(settings, wanted, found, cubes, store)
    found, cubes = retrieval.preferred(found, cubes, prefer, nights)
    selections = retrieval.select(found, settings, archive, store, again=ask_again)
    if verify:
        _distrust(selections, cubes, store)
    plan = retrieval.plan(selections, archive, store, {one.dp_id: one.file for one in cubes})
    print_plan(settings, selections, cubes, plan)
    if dry_run:
        return COMPLETE
    _check_space(plan, store)
    downloads = Downloads(
        client,
        settings.archive,
        store,
        Login(client, settings.archive.login_url),
        Transfer(plan.sizes),
        plan.release_dates,
    )
    for selection in selections:
        store.withhold(selection)
    results = downloads.fetch_all(name for name in plan.names if name in plan.sizes)
    missing = {one.name for one in results if one.path is None}
    for selection in selections:
        if missing.isdisjoint(selection.files()):
            store.release(selection)
    status = report_results(selections, results, store)
    return max(status, report_cubes(cubes, results, store))


def survey_cubes(
    settings: Settings,
    years: Sequence[int],
    archive: ArchiveService,
    collection: str,
    found: retrieval.Survey,
) -> list[ReducedCube]:
    """The reduced cubes of the field with their modes; none, with a note, if it cannot be asked."""
    try:
        cubes = retrieval.survey_cubes(settings, years, archive, collection)
    except ArchiveRefused as failure:
        say(f"note: no reduced cubes are known: {failure}")
        return []
    if collection == STANDARD_STARS or not cubes:
        return with_modes(cubes, found.standards)
    cone_arcmin = settings.archive.cone_arcmin
    return with_modes(cubes, query_field(archive, settings.field, years, cone_arcmin))


def star_lists(
    work: Path,
    settings: Settings,
    sources: Sequence[str],
    catalogue: Path | None,
    epoch: float | None,
) -> dict[str, StarList]:
    """The stars to identify of one field, by the name of the file that the result goes to."""
    if catalogue is None:
        lists = identification.star_lists(work, settings, sources)
        return {identification_name(source): stars for source, stars in lists.items()}
    if epoch is None:
        raise ConfigError("--catalogue needs --epoch, the year of its exposure, e.g. 2019.19")
    try:
        table = read_table(catalogue)
    except (OSError, ValueError) as error:
        raise ConfigError(f"--catalogue {catalogue}: cannot be read ({error})") from error
    return {identification_name(): StarList(table, epoch, bool(table.meta.get(SIMULATED)))}


def write_availability(
    settings: Settings,
    years: Sequence[int],
    found: retrieval.Survey,
    cubes: Sequence[ReducedCube],
    store: Store,
) -> Table:
    """The table ``availability``, which is written with its page into the campaign's folder."""
    table = availability(found.standards, found.sciences)
    table.meta["field"] = settings.field.name
    table.meta["years"] = list(years)
    table.meta[SIMULATED] = found.simulated
    write_table(table, store.campaign / "availability.ecsv")
    title = f"{settings.field.name} with MUSE, nights of {', '.join(map(str, years))}"
    page = page_html(table, title, holdings(found.standards, cubes))
    write_bytes(store.campaign / "availability.html", page.encode())
    return table


@contextmanager
def open_archive(
    settings: Settings, work: Path
) -> Iterator[tuple[HttpClient, Store, ArchiveService]]:
    """Connections and the archive's part of the workspace, held by this run alone."""
    folder = work / "archive"
    try:
        with archive_client(settings.archive) as client, exclusive(folder):
            sweep_parts(folder)
            store = Store(folder, settings.campaign.name)
            store.make_folders()
            yield client, store, EsoArchive(client, settings.archive, store.keep_response)
    except OSError as error:
        raise WorkspaceError(
            f"{error.filename or folder}: {error.strerror}; choose another folder with --work"
        ) from error


def chosen_campaigns(config: Path, field: str | None) -> list[Settings]:
    campaigns = read_settings(config).campaigns()
    if field is None:
        return list(campaigns)
    chosen = [one for one in campaigns if one.field.name == field]
    if not chosen:
        names = ", ".join(one.field.name for one in campaigns)
        raise ConfigError(
            f"--field {field}: not in {config}; fields are {names}. Add a section [[more_fields]] "
            f"with name, ra_deg and dec_deg; `python -m pipeline locate {shlex.quote(field)}` prints it"
        )
    return chosen


def wanted_years(years: Sequence[int], settings: Settings) -> list[int]:
    wanted = tuple(sorted(set(years or settings.archive.years)))
    replace(settings.archive, years=wanted)  # raises ConfigError for a year without MUSE
    return list(wanted)


def _check_space(plan: retrieval.DownloadPlan, store: Store) -> None:
    free = shutil.disk_usage(store.raw).free
    if plan.total_bytes > free:
        raise WorkspaceError(
            f"{store.raw}: {size_text(plan.total_bytes)} are to be fetched, {size_text(free)} are "
            "free; choose another folder with --work or fewer nights with --night"
        )


def _distrust(selections: Sequence[Selection], cubes: Sequence[ReducedCube], store: Store) -> None:
    """Set aside the files whose bytes are not those that were fetched."""
    names = {name for selection in selections for name in selection.files()}
    for name in sorted(names | {one.dp_id for one in cubes}):
        path = store.find(name)
        record = read_record(path) if path else None
        if path and record and file_sha256(path) != record.sha256:
            say(f"{path.name}: not the bytes that were fetched; set aside and fetched again")
            path.replace(path.with_name(path.name + ".rejected"))

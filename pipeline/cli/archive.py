"""The commands ``overview``, ``retrieve``, ``identify``, ``contact``: all that asks the archives.

Exit status 0 only if nothing is missing, 1 if something is, 2 if the request could not be carried out.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from astropy.table import Table

from pipeline.archive import retrieval
from pipeline.archive.auth import Login
from pipeline.archive.availability import availability
from pipeline.archive.calendar import page_html
from pipeline.archive.contact import HELD, make_contact, write_recording
from pipeline.archive.contact_checks import CHECKS as CATALOGUE_CHECKS
from pipeline.archive.contact_files import CHECKS as FILE_CHECKS
from pipeline.archive.download import Downloads
from pipeline.archive.gaia import StarList, identify_online
from pipeline.archive.products import (
    ReducedCube,
    holdings,
    query_field,
    with_modes,
)
from pipeline.archive.queries import SCIENCE_FIELDS, STANDARD_STARS
from pipeline.archive.selection import Selection
from pipeline.archive.service import ArchiveService, EsoArchive, archive_client
from pipeline.archive.store import Store, file_sha256, read_record, write_bytes, write_table
from pipeline.archive.tap import SIMULATED
from pipeline.archive.transfer import Transfer, size_text
from pipeline.cli.archive_output import (
    COMPLETE,
    MISSING,
    REFUSED,
    print_availability,
    print_findings,
    print_holdings,
    print_names,
    print_plan,
    report_cubes,
    report_identified,
    report_results,
)
from pipeline.config.loader import read_settings
from pipeline.config.paths import ROOT
from pipeline.config.settings import Settings
from pipeline.errors import (
    ArchiveRefused,
    ConfigError,
    RequestError,
    SourceUnavailable,
    WorkspaceError,
)
from pipeline.http import HttpClient
from pipeline.sources.request import SOURCES
from pipeline.tasks.fits_products import read_table
from pipeline.tasks.identification import STARS, identification_name, star_lists, stars_digest
from pipeline.workflow.products import exclusive, sweep_parts
from pipeline.workflow.progress import say

INTERRUPTED = 130  # the shell's own exit status for Ctrl-C
PRODUCTS, RAW_FRAMES, BOTH_KINDS = "products", "raw", "both"  # what --prefer may say

CHECKS = (*CATALOGUE_CHECKS, *FILE_CHECKS)

_Command = Callable[..., Any]


def _options(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    """One decorator for several options, in the order of their help."""

    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_PLACE = _options(
    click.option(
        "--config",
        type=click.Path(path_type=Path),
        default=ROOT / "report.toml",
        metavar="FILE",
        help="Campaign and addresses (default: the shipped report.toml).",
    ),
    click.option(
        "--work",
        type=click.Path(path_type=Path),
        default=Path("work"),
        metavar="DIR",
        help="Folder of intermediate products (default: work).",
    ),
)
_FIELD = click.option("--field", help="Only this one of the fields; default: all.")
_YEARS = click.option(
    "--year", "years", type=int, multiple=True, help="May be repeated; default: archive.years."
)
_COLLECTION = click.option(
    "--collection",
    type=click.Choice([STANDARD_STARS, SCIENCE_FIELDS]),
    default=STANDARD_STARS,
    help=f"Reduced cubes of standard stars, or of science fields (default: {STANDARD_STARS}).",
)


@click.group()
def commands() -> None:
    """Ask the archives, and fetch what they hold."""


@commands.command()
@_PLACE
@_YEARS
@_FIELD
@_COLLECTION
@click.option("--dry-run", is_flag=True, help="Print the queries, send none.")
def overview(
    config: Path,
    work: Path,
    years: Sequence[int],
    field: str | None,
    collection: str,
    dry_run: bool,
) -> int:
    """Which nights the archive has, by mode: raw frames, reduced cubes, or both.

    \b
    Example: python -m pipeline overview --year 2018
    """
    for settings in _campaigns(config, field):
        wanted = _years(years, settings)
        if dry_run:
            for query in retrieval.all_queries(settings, wanted, collection):
                print(f"{settings.archive.tap_url}\n  {query}")
            continue
        with _open(settings, work) as (_, store, archive):
            found = retrieval.survey(settings, wanted, archive)
            cubes = _cubes(settings, wanted, archive, collection, found)
            table = write_availability(settings, wanted, found, cubes, store)
        print_availability(table, settings, wanted)
        print_holdings(holdings(found.standards, cubes), cubes)
        print_names(found.other_names(settings.field.name), settings)
        print(f"kept in {store.campaign}: availability.ecsv, availability.html, responses/")
    return COMPLETE


@commands.command()
@_PLACE
@_YEARS
@_FIELD
@_COLLECTION
@click.option(
    "--prefer",
    type=click.Choice([PRODUCTS, RAW_FRAMES, BOTH_KINDS]),
    default=PRODUCTS,
    help="Where a night and mode has a reduced cube and raw frames (default: products).",
)
@click.option("--night", "nights", multiple=True, help="Only this night, YYYY-MM-DD; repeatable.")
@click.option("--dry-run", is_flag=True, help="Say what would be fetched, and how much; no data.")
@click.option("--ask-again", is_flag=True, help="Request the trees of settled nights, too.")
@click.option("--verify", is_flag=True, help="Read every file again before counting it as here.")
def retrieve(config: Path, work: Path, field: str | None, **options: Any) -> int:
    """Fetch reduced cubes, or raw frames with their calibrations; start it again to go on.

    \b
    Examples: python -m pipeline retrieve --dry-run
              python -m pipeline retrieve --field "my field" --collection MUSE
    """
    statuses = []
    for settings in _campaigns(config, field):
        with _open(settings, work) as (client, store, archive):
            statuses.append(_retrieve_field(settings, client, store, archive, **options))
    return max(statuses, default=COMPLETE)


@commands.command()
@_PLACE
@_FIELD
@click.option(
    "--source",
    "sources",
    type=click.Choice(SOURCES),
    multiple=True,
    help="Of the campaigns in the work folder only this; default: all.",
)
@click.option(
    "--catalogue",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Of these stars instead: ECSV with star_id, x, y; needs --epoch.",
)
@click.option("--epoch", type=float, metavar="YEAR", help="Of the catalogue's exposure: 2019.19.")
def identify(
    config: Path,
    work: Path,
    field: str | None,
    sources: Sequence[str],
    catalogue: Path | None,
    epoch: float | None,
) -> int:
    """Which Gaia source each field star is; then build the report again.

    \b
    Example: python -m pipeline identify
    """
    campaigns = _campaigns(config, field)[: 1 if catalogue else None]
    found = [
        (one, _star_lists(work, one, sources or SOURCES, catalogue, epoch)) for one in campaigns
    ]
    if not any(lists for _, lists in found):
        raise SourceUnavailable(
            f"{work}: holds no reference catalogue yet; run build_report.py or `python -m pipeline "
            "statistics` first, or give --catalogue and --epoch"
        )
    for settings, lists in found:
        if not lists:
            continue
        with _open(settings, work) as (client, store, _):
            tables = identify_online(
                list(lists.values()),
                settings.field,
                client,
                settings.archive.gaia_url,
                store.keep_response,
            )
            for name, stars, table in zip(lists, lists.values(), tables, strict=True):
                table.meta |= {SIMULATED: stars.simulated, STARS: stars_digest(stars.catalogue)}
                write_table(table, store.campaign / name)
                report_identified(table, store.campaign / name)
    return COMPLETE


@commands.command()
@_PLACE
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("contact.json"),
    metavar="FILE",
    help="Recording to send to the maintainers (default: contact.json).",
)
def contact(config: Path, work: Path, output: Path) -> int:  # noqa: ARG001
    """Check every assumption about the archives by the smallest requests; no login is made.

    The recording holds all requests and responses, but nothing that tells who made them. Exit status 0
    if all assumptions hold, 1 if any differs or could not be checked.

    \b
    Example: python -m pipeline contact
    """
    settings = read_settings(config)
    findings, exchanges = make_contact(settings, CHECKS)
    try:
        write_recording(output, findings, exchanges, settings)
    except OSError as error:
        raise WorkspaceError(f"{output}: {error.strerror}; choose another --output") from error
    print_findings(findings)
    print(f"{len(exchanges)} exchanges are recorded in {output}")
    return COMPLETE if all(one.state == HELD for one in findings) else MISSING


COMMANDS = (overview, retrieve, identify, contact)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status of one of the commands."""
    try:
        status = commands.main(
            args=arguments, prog_name="python -m pipeline", standalone_mode=False
        )
        return int(status or COMPLETE)
    except click.ClickException as error:
        error.show()
        return int(error.exit_code)
    except RequestError as error:
        say(f"{type(error).__name__}: {error}")
        return REFUSED
    except click.Abort:
        say("interrupted; what is here is kept, the same command goes on from here")
        return INTERRUPTED


def _retrieve_field(
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
    wanted = _years(years, settings)
    if collection == SCIENCE_FIELDS:
        if prefer == RAW_FRAMES:
            raise ConfigError("--prefer raw: raw frames of science fields are not reduced here")
        found = retrieval.Survey((), ())
        cubes = _cubes(settings, wanted, archive, collection, found)
    else:
        found = retrieval.survey(settings, wanted, archive)
        cubes = _cubes(settings, wanted, archive, collection, found)
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


def _cubes(
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


def _star_lists(
    work: Path,
    settings: Settings,
    sources: Sequence[str],
    catalogue: Path | None,
    epoch: float | None,
) -> dict[str, StarList]:
    """The stars to identify of one field, by the name of the file that the result goes to."""
    if catalogue is None:
        lists = star_lists(work, settings, sources)
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
def _open(settings: Settings, work: Path) -> Iterator[tuple[HttpClient, Store, ArchiveService]]:
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


def _campaigns(config: Path, field: str | None) -> list[Settings]:
    campaigns = read_settings(config).campaigns()
    if field is None:
        return list(campaigns)
    chosen = [one for one in campaigns if one.field.name == field]
    if not chosen:
        names = ", ".join(one.field.name for one in campaigns)
        raise ConfigError(
            f"--field {field}: not in {config}; fields are {names}. Add a section [[more_fields]] "
            "with name, ra_deg and dec_deg"
        )
    return chosen


def _years(years: Sequence[int], settings: Settings) -> list[int]:
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

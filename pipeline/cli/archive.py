"""``overview``, ``retrieve``, ``identify``, ``locate`` and ``contact``: what archives are asked."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pipeline.archive import retrieval
from pipeline.archive.contact import HELD, make_contact, write_recording
from pipeline.archive.contact_checks import CHECKS as CATALOGUE_CHECKS
from pipeline.archive.contact_files import CHECKS as FILE_CHECKS
from pipeline.archive.gaia import identify_online
from pipeline.archive.names import resolve_name
from pipeline.archive.products import holdings
from pipeline.archive.queries import SCIENCE_FIELDS, STANDARD_STARS
from pipeline.archive.store import write_table
from pipeline.archive.tap import SIMULATED
from pipeline.cli.archive_output import (
    COMPLETE,
    MISSING,
    print_availability,
    print_findings,
    print_holdings,
    print_names,
    report_identified,
)
from pipeline.cli.archive_steps import (
    BOTH_KINDS,
    PRODUCTS,
    RAW_FRAMES,
    chosen_campaigns,
    open_archive,
    retrieve_field,
    star_lists,
    survey_cubes,
    wanted_years,
    write_availability,
)
from pipeline.cli.options import FILE, config_option, field_option, work_option
from pipeline.config.loader import read_settings
from pipeline.errors import SourceUnavailable, WorkspaceError, printable
from pipeline.sources.registry import SOURCES
from pipeline.tasks.identification import STARS, stars_digest

CHECKS = (*CATALOGUE_CHECKS, *FILE_CHECKS)

_YEARS = click.option(
    "--year", "years", type=int, multiple=True, help="May be given again.  [default: archive.years]"
)
_COLLECTION = click.option(
    "--collection",
    type=click.Choice([STANDARD_STARS, SCIENCE_FIELDS]),
    default=STANDARD_STARS,
    show_default=True,
    help="Reduced cubes of standard stars, or of science fields.",
)


@click.command()
@config_option
@work_option
@_YEARS
@field_option
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
    for settings in chosen_campaigns(config, field):
        wanted = wanted_years(years, settings)
        if dry_run:
            for query in retrieval.all_queries(settings, wanted, collection):
                print(f"{settings.archive.tap_url}\n  {query}")
            continue
        with open_archive(settings, work) as (_, store, archive):
            found = retrieval.survey(settings, wanted, archive)
            cubes = survey_cubes(settings, wanted, archive, collection, found)
            table = write_availability(settings, wanted, found, cubes, store)
        print_availability(table, settings, wanted)
        print_holdings(holdings(found.standards, cubes), cubes)
        print_names(found.other_names(settings.field.name), settings)
        print(f"kept in {store.campaign}: availability.ecsv, availability.html, responses/")
    return COMPLETE


@click.command()
@config_option
@work_option
@_YEARS
@field_option
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
    """Fetch reduced cubes, or raw frames with their calibrations; run it again to continue.

    \b
    Examples: python -m pipeline retrieve --dry-run
              python -m pipeline retrieve --field "my field" --collection MUSE
    """
    statuses = []
    for settings in chosen_campaigns(config, field):
        with open_archive(settings, work) as (client, store, archive):
            statuses.append(retrieve_field(settings, client, store, archive, **options))
    return max(statuses, default=COMPLETE)


@click.command()
@config_option
@work_option
@field_option
@click.option(
    "--source",
    "sources",
    type=click.Choice(tuple(SOURCES)),
    multiple=True,
    help="Of the campaigns in the work folder only this; default: all.",
)
@click.option(
    "--catalogue",
    type=FILE,
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
    campaigns = chosen_campaigns(config, field)[: 1 if catalogue else None]
    found = [
        (one, star_lists(work, one, sources or tuple(SOURCES), catalogue, epoch))
        for one in campaigns
    ]
    if not any(lists for _, lists in found):
        raise SourceUnavailable(
            f"{work}: holds no reference catalogue yet; run build_report.py or `python -m pipeline "
            "statistics` first, or give --catalogue and --epoch"
        )
    for settings, lists in found:
        if not lists:
            continue
        with open_archive(settings, work) as (client, store, _):
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


@click.command()
@click.argument("name")
@config_option
@work_option
def locate(name: str, config: Path, work: Path) -> int:
    """Where an object of that NAME is: the lines that make it a field of report.toml.

    \b
    Example: python -m pipeline locate "NGC 300" >> report.toml
    """
    settings = read_settings(config)
    with open_archive(settings, work) as (client, store, _):
        place = resolve_name(name, client, settings.archive.simbad_url, store.keep_response)
    print(f"# {printable(place.name)}, ICRS")
    print("[[more_fields]]")
    print(f"name = {json.dumps(name)}\nra_deg = {place.ra_deg:.6f}\ndec_deg = {place.dec_deg:.6f}")
    return COMPLETE


@click.command()
@config_option
@work_option
@click.option(
    "--output",
    type=FILE,
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

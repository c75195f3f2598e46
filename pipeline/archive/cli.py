"""The commands ``overview``, ``retrieve``, ``identify``; exit status 0 only if nothing is missing."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from astropy.table import QTable, Table

from pipeline.archive import retrieval
from pipeline.archive.auth import Login
from pipeline.archive.availability import availability
from pipeline.archive.calendar import page_html
from pipeline.archive.download import Downloads
from pipeline.archive.gaia import IDENTIFIED, NOT_IDENTIFIED, StarList, identify_online
from pipeline.archive.queries import SIMULATED
from pipeline.archive.selection import Selection
from pipeline.archive.store import Store, file_sha256, read_record, write_bytes, write_table
from pipeline.archive.telling import (
    COMPLETE,
    print_availability,
    print_names,
    print_plan,
    report_outcomes,
)
from pipeline.archive.transfer import Transfer, size_text
from pipeline.archive.web import Web
from pipeline.config.loader import read_settings
from pipeline.config.settings import Settings
from pipeline.errors import ConfigError, SourceUnavailable, WorkspaceError
from pipeline.sources.registry import SOURCES
from pipeline.tasks.fits_products import read_table
from pipeline.tasks.identification import (
    STARS,
    identification_name,
    star_lists,
    stars_digest,
    variable_stars,
)
from pipeline.workflow.products import exclusive, sweep_parts
from pipeline.workflow.progress import say


def run_overview(options: Any) -> int:
    """Write and print the availability table of each field."""
    for settings in _campaigns(options):
        years = _years(options, settings)
        if options.dry_run:
            for question in sum(retrieval.survey_questions(settings, years), ()):
                print(f"{settings.archive.tap_url}\n  {question}")
            continue
        with _open(settings, options.work) as (web, store):
            found = retrieval.survey(settings, years, web, store.keep_answer)
            table = write_availability(settings, years, found, store)
        print_availability(table, settings, years)
        print_names(found.other_names(settings.field.name), settings)
        print(f"kept in {store.campaign}: availability.ecsv, availability.html, answers/")
    return COMPLETE


def run_retrieve(options: Any) -> int:
    """Fetch what each field's nights need, and name what is missing."""
    statuses = []
    for settings in _campaigns(options):
        years = _years(options, settings)
        with _open(settings, options.work) as (web, store):
            found = retrieval.survey(settings, years, web, store.keep_answer)
            write_availability(settings, years, found, store)
            selections = retrieval.select(
                found, settings, web, store, nights=options.night, again=options.ask_again
            )
            if options.verify:
                _distrust(selections, store)
            plan = retrieval.plan(selections, settings, web, store)
            print_plan(settings, selections, plan)
            if options.dry_run:
                continue
            _check_space(plan, store)
            downloads = Downloads(
                web, store, Login(web, settings.archive.login_url), Transfer(plan.sizes)
            )
            for selection in selections:
                store.withhold(selection)
            outcomes = downloads.fetch_all(name for name in plan.names if name in plan.sizes)
            missing = {one.name for one in outcomes if one.path is None}
            for selection in selections:
                if missing.isdisjoint(selection.files()):
                    store.release(selection)
            statuses.append(report_outcomes(selections, outcomes, store))
    return max(statuses, default=COMPLETE)


def run_identify(options: Any) -> int:
    """Write the table ``identification`` of each list of stars beside its field's other answers."""
    campaigns = _campaigns(options)[: 1 if options.catalogue else None]
    asked = [(settings, _star_lists(options, settings)) for settings in campaigns]
    if not any(lists for _, lists in asked):
        raise SourceUnavailable(
            f"{options.work}: holds no reference catalogue yet; run build_report.py or `python -m "
            "pipeline statistics` first, or give --catalogue and --epoch"
        )
    for settings, lists in asked:
        if not lists:
            continue
        with _open(settings, options.work) as (web, store):
            tables = identify_online(
                list(lists.values()),
                settings.field,
                web,
                settings.archive.gaia_url,
                store.keep_answer,
            )
            for name, stars, table in zip(lists, lists.values(), tables, strict=True):
                table.meta |= {SIMULATED: stars.simulated, STARS: stars_digest(stars.catalogue)}
                write_table(table, store.campaign / name)
                _report_identified(table, store.campaign / name)
    return COMPLETE


def _star_lists(options: Any, settings: Settings) -> dict[str, StarList]:
    """The stars to identify of one field, by the name of the file that will tell."""
    if options.catalogue is None:
        lists = star_lists(options.work, settings, options.source or tuple(SOURCES))
        return {identification_name(source): stars for source, stars in lists.items()}
    if options.epoch is None:
        raise ConfigError("--catalogue needs --epoch, the year of its exposure, e.g. 2019.19")
    try:
        catalogue = read_table(options.catalogue)
    except (OSError, ValueError) as error:
        raise ConfigError(f"--catalogue {options.catalogue}: cannot be read ({error})") from error
    simulated = bool(catalogue.meta.get(SIMULATED))
    return {identification_name(): StarList(catalogue, options.epoch, simulated)}


def _report_identified(table: QTable, path: Path) -> None:
    known = table[table["status"] == IDENTIFIED]
    variable = ", ".join(map(str, variable_stars(table))) or "none"
    print(f"{len(known)} of {len(table)} stars identified; variable: {variable}")
    for reason in sorted(set(table["reason"][table["status"] != IDENTIFIED])):
        say(f"{NOT_IDENTIFIED}: {reason}")
    print(f"kept in {path}")


def write_availability(
    settings: Settings, years: Sequence[int], found: retrieval.Survey, store: Store
) -> Table:
    """The table ``availability``, which is written with its page into the campaign's folder."""
    table = availability(found.standards, found.sciences)
    table.meta["field"] = settings.field.name
    table.meta["years"] = list(years)
    table.meta[SIMULATED] = found.simulated
    write_table(table, store.campaign / "availability.ecsv")
    title = f"{settings.field.name} with MUSE, nights of {', '.join(map(str, years))}"
    write_bytes(store.campaign / "availability.html", page_html(table, title).encode())
    return table


@contextmanager
def _open(settings: Settings, work: Path) -> Iterator[tuple[Web, Store]]:
    """Connections and the archive's part of the workspace, held by this run alone."""
    folder = work / "archive"
    web = Web(settings.archive)
    try:
        with exclusive(folder):
            sweep_parts(folder)
            store = Store(folder, settings.campaign.name)
            store.make_folders()
            yield web, store
    except OSError as error:
        raise WorkspaceError(
            f"{error.filename or folder}: {error.strerror}; choose another folder with --work"
        ) from error
    finally:
        web.close()


def _campaigns(options: Any) -> list[Settings]:
    campaigns = read_settings(options.config).campaigns()
    if options.field is None:
        return list(campaigns)
    chosen = [one for one in campaigns if one.field.name == options.field]
    if not chosen:
        names = ", ".join(one.field.name for one in campaigns)
        raise ConfigError(f"--field {options.field}: not in {options.config}; fields are {names}")
    return chosen


def _years(options: Any, settings: Settings) -> list[int]:
    years = tuple(sorted(set(options.year or settings.archive.years)))
    replace(settings.archive, years=years)  # raises ConfigError for a year without MUSE
    return list(years)


def _check_space(plan: retrieval.Plan, store: Store) -> None:
    free = shutil.disk_usage(store.raw).free
    if plan.total_bytes > free:
        raise WorkspaceError(
            f"{store.raw}: {size_text(plan.total_bytes)} are to be fetched, {size_text(free)} are "
            "free; choose another folder with --work or fewer nights with --night"
        )


def _distrust(selections: Sequence[Selection], store: Store) -> None:
    """Set aside the files whose bytes are not those that were fetched."""
    for name in sorted({name for selection in selections for name in selection.files()}):
        path = store.find(name)
        record = read_record(path) if path else None
        if path and record and file_sha256(path) != record.sha256:
            say(f"{path.name}: not the bytes that were fetched; set aside and fetched again")
            path.replace(path.with_name(path.name + ".rejected"))

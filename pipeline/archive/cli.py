"""The commands ``overview`` and ``retrieve``; exit status 0 only if nothing is missing."""

import argparse
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from astropy.table import Table

from pipeline.archive import retrieval
from pipeline.archive.auth import Login
from pipeline.archive.availability import availability, column_of
from pipeline.archive.calendar import page_html
from pipeline.archive.download import Downloads, Outcome
from pipeline.archive.queries import Observation
from pipeline.archive.selection import Selection
from pipeline.archive.store import Store, file_sha256, read_record, write_bytes
from pipeline.archive.transfer import Transfer, size_text
from pipeline.archive.web import Web
from pipeline.campaign import MODES
from pipeline.errors import ConfigError, RequestError, WorkspaceError
from pipeline.products import exclusive
from pipeline.progress import say
from pipeline.settings import Settings, read_settings

COMPLETE, MISSING, REFUSED = 0, 1, 2  # exit status
MAX_NAMED = 20  # missing files that are listed one by one


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both commands; each sets ``run``, which takes the arguments and returns the status."""
    overview = commands.add_parser("overview", help="which nights the archive has, by mode")
    overview.set_defaults(run=run_overview)
    retrieve = commands.add_parser("retrieve", help="fetch raw frames and their calibrations")
    retrieve.set_defaults(run=run_retrieve)
    for parser in (overview, retrieve):
        parser.add_argument("--config", type=Path, default=Path("report.toml"))
        parser.add_argument("--work", type=Path, default=Path("work"))
        parser.add_argument("--year", type=int, nargs="+", help="default: archive.years")
        parser.add_argument("--field", help="only this one of the fields; default: all")
    overview.add_argument("--dry-run", action="store_true", help="print the questions, ask nothing")
    retrieve.add_argument(
        "--dry-run", action="store_true", help="say what would be fetched, and how much; no data"
    )
    retrieve.add_argument("--night", nargs="+", default=[], help="only these nights, YYYY-MM-DD")
    retrieve.add_argument("--ask-again", action="store_true", help="ask for settled nights, too")
    retrieve.add_argument(
        "--verify", action="store_true", help="read every file again before counting it as here"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status of ``python -m pipeline.archive``."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.archive", description=__doc__)
    add_commands(parser.add_subparsers(required=True, metavar="COMMAND"))
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except RequestError as error:
        say(f"{type(error).__name__}: {error}")
        return REFUSED


def run_overview(options: argparse.Namespace) -> int:
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
        _print_availability(table, settings, years)
        _print_names(found.other_names(settings.field.name), settings)
        print(f"kept in {store.campaign}: availability.ecsv, availability.html, answers/")
    return COMPLETE


def run_retrieve(options: argparse.Namespace) -> int:
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
            _print_plan(settings, selections, plan)
            if options.dry_run:
                continue
            _check_space(plan, store)
            downloads = Downloads(
                web, store, Login(web, settings.archive.login_url), Transfer(plan.sizes)
            )
            absent = [name for name in plan.names if name in plan.sizes]
            statuses.append(_report(selections, downloads.fetch_all(absent), store))
    return max(statuses, default=COMPLETE)


def write_availability(
    settings: Settings, years: Sequence[int], found: retrieval.Survey, store: Store
) -> Table:
    """The table ``availability``, which is written with its page into the campaign's folder."""
    table = availability(found.standards, found.sciences)
    table.meta["field"] = settings.field.name
    table.meta["years"] = list(years)
    part = store.campaign / ".availability.ecsv.part"
    table.write(part, format="ascii.ecsv", overwrite=True)
    part.replace(store.campaign / "availability.ecsv")
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
            yield web, Store(folder, settings.campaign.name)
    except OSError as error:
        raise WorkspaceError(
            f"{error.filename or folder}: {error.strerror}; choose another folder with --work"
        ) from error
    finally:
        web.close()


def _campaigns(options: argparse.Namespace) -> list[Settings]:
    campaigns = read_settings(options.config).campaigns()
    if options.field is None:
        return list(campaigns)
    chosen = [one for one in campaigns if one.field.name == options.field]
    if not chosen:
        names = ", ".join(one.field.name for one in campaigns)
        raise ConfigError(f"--field {options.field}: not in {options.config}; fields are {names}")
    return chosen


def _years(options: argparse.Namespace, settings: Settings) -> list[int]:
    years = tuple(sorted(set(options.year or settings.archive.years)))
    replace(settings.archive, years=years)  # raises ConfigError for a year without MUSE
    return list(years)


def _print_availability(table: Table, settings: Settings, years: Sequence[int]) -> None:
    print(f"{settings.field.name}, {', '.join(map(str, years))}: {len(table)} nights")
    print(f"{'night':<12}" + "".join(f"{mode:<12}" for mode in MODES))
    for row in table:
        cells = (row[column_of(mode)] for mode in MODES)
        text = "".join(f"{'' if cell is np.ma.masked else cell!s:<12}" for cell in cells)
        print(f"{row['date']:<12}{text}".rstrip())


def _print_names(others: Sequence[Observation], settings: Settings) -> None:
    for one in others:
        say(f"note: {one.dp_id} lies at {settings.field.name} but is named {one.target!r}")


def _print_plan(settings: Settings, selections: Sequence[Selection], plan: retrieval.Plan) -> None:
    ways = [selection.way or "not found" for selection in selections]
    counts = ", ".join(f"{way} {ways.count(way)}" for way in dict.fromkeys(ways))
    print(f"{settings.field.name}: {len(selections)} nights and modes ({counts})")
    print(
        f"{len(plan.names)} files are needed, {len(plan.sizes)} of them to be fetched: about "
        f"{plan.total_bytes / 1e9:.2f} GB"
        + (f", {plan.n_unknown} files of unknown size" if plan.n_unknown else "")
    )


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


def _report(selections: Sequence[Selection], outcomes: Sequence[Outcome], store: Store) -> int:
    """Say what is missing; write the table of selections; returns the exit status."""
    missing = {outcome.name: outcome.error for outcome in outcomes if outcome.path is None}
    _selection_table(selections, missing).write(
        store.campaign / "selection.ecsv", format="ascii.ecsv", overwrite=True
    )
    fetched = [outcome for outcome in outcomes if outcome.path and not outcome.was_here]
    print(f"fetched {len(fetched)} files, {size_text(sum(one.size for one in fetched))}")
    for name in sorted(missing)[:MAX_NAMED]:
        say(
            f"missing: {missing[name]}"
            if name in missing[name]
            else f"missing: {name}: {missing[name]}"
        )
    if len(missing) > MAX_NAMED:
        say(f"missing: {len(missing) - MAX_NAMED} more; all are in {store.campaign}/missing.txt")
    write_bytes(
        store.campaign / "missing.txt",
        "".join(f"{name}\t{missing[name]}\n" for name in sorted(missing)).encode(),
    )
    lacking = [one for one in selections if one.group is None]
    for one in lacking:
        say(f"missing: calibrations of {one.dp_id} ({one.night}, {one.mode}): {one.reason}")
    return MISSING if missing or lacking else COMPLETE


def _selection_table(selections: Sequence[Selection], missing: dict[str, str]) -> Table:
    """One row per night and mode: the exposure, how its calibrations were found, what is missing."""
    rows = [
        (
            one.night,
            one.mode,
            one.dp_id,
            one.way,
            one.tree_file,
            one.group is not None and one.group.complete,
            one.group is not None and one.group.certified,
            len(one.asked),
            len(one.files()),
            sum(name in missing for name in one.files()),
            one.reason,
        )
        for one in selections
    ]
    names = ["night", "mode", "dp_id", "way", "tree_file", "complete", "certified", "n_asked"]
    return Table(rows=rows or None, names=[*names, "n_files", "n_missing", "reason"])


if __name__ == "__main__":
    sys.exit(main())

"""What the command ``retrieve`` has left on disk for the reduction."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from astropy.table import Table

from pipeline.archive.products import TABLE
from pipeline.archive.store import Store
from pipeline.config.settings import Settings


@dataclass(frozen=True)
class Retrieved:
    """A standard's exposure whose files are all here."""

    night: str
    mode: str
    dp_id: str
    tree: Path  # its association tree, beside the files
    way: str  # how the calibrations were found: standard, science, neighbour or query


def retrieved(work: Path, settings: Settings) -> tuple[Retrieved, ...]:
    """The complete standards of a field, by night and mode; nothing is requested or written.

    Complete is a standard whose tree was released and of which every file still has the size that was
    verified.

    Parameters
    ----------
    work : Path
        The work folder.
    settings : Settings
        Of the field's campaign, one of ``Settings.campaigns()``.
    """
    store = Store(work / "archive", settings.campaign.name)
    find = cache(store.find)  # nights share calibrations
    return tuple(
        Retrieved(one.night, one.mode, one.dp_id, tree, one.way)
        for one, tree in store.ready()
        if all(find(name) is not None for name in one.files())
    )


@dataclass(frozen=True)
class RetrievedCube:
    """A reduced cube that is here."""

    night: str
    mode: str
    dp_id: str
    path: Path


def retrieved_cubes(work: Path, settings: Settings) -> tuple[RetrievedCube, ...]:
    """The reduced cubes of a field that were fetched and verified, by time.

    Parameters
    ----------
    work, settings
        As of ``retrieved``.
    """
    store = Store(work / "archive", settings.campaign.name)
    path = store.campaign / TABLE
    if not path.is_file():
        return ()
    rows = [row for row in Table.read(path, format="ascii.ecsv").filled("") if row["file"]]
    found = ((row, store.find(str(row["dp_id"]))) for row in rows)
    return tuple(
        RetrievedCube(str(row["night"]), str(row["mode"]), str(row["dp_id"]), path)
        for row, path in found
        if path is not None
    )

"""What the command ``retrieve`` has left on disk, for whoever reduces it."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

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
    """The complete standards of a field, by night and mode; nothing is asked or written.

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

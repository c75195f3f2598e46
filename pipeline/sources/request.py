"""What a user asks for: settings, sources, folders and workers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.config.settings import Settings
from pipeline.workflow.executors import Workers
from pipeline.workflow.shards import Shard


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    settings: Settings
    root: Path  # folder that relative paths in the configuration start from
    sources: tuple[str, ...]  # names in the registry of sources
    cubes: Path | None  # option --cubes
    raw: Path | None  # option --raw
    work: Path
    workers: Workers
    force: tuple[str, ...]
    shard: Shard | None = None  # None: everything
    folders: Mapping[str, Path] = field(default_factory=dict)  # of further sources, by option

    def folder(self, option: str) -> Path | None:
        """The folder that --OPTION names; None if it was not given."""
        given: Path | None = getattr(self, option, None)
        return self.folders.get(option, given)

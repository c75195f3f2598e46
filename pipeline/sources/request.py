"""What a user asks for: settings, sources, folders and workers."""

from dataclasses import dataclass
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

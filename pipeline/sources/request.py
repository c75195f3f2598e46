"""What a user asks for: settings, sources, folders and workers."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.config.settings import Settings
from pipeline.workflow.executors import Workers

SOURCES = ("published", "simulated", "cubes", "archive")
DEFAULT_SOURCES = ("published", "simulated")


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    settings: Settings
    root: Path  # folder that relative paths in the configuration start from
    sources: tuple[str, ...]
    cubes: Path | None
    raw: Path | None
    work: Path
    workers: Workers
    force: tuple[str, ...]

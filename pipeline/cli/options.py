"""Options that all commands share, and how an expected failure ends a command."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from pipeline.config.loader import read_settings
from pipeline.config.paths import ROOT
from pipeline.errors import ConfigError, RequestError
from pipeline.sources.request import DEFAULT_SOURCES, SOURCES, Request
from pipeline.workflow.executors import Workers
from pipeline.workflow.progress import say

INTERRUPTED = 130  # the shell's own exit status for Ctrl-C


def add_common_options(parser: argparse.ArgumentParser, forceable: tuple[str, ...]) -> None:
    """The options that say what is worked on, where, and with how many workers."""
    parser.add_argument(
        "--config",
        type=Path,
        default=ROOT / "report.toml",
        metavar="FILE",
        help="campaign and scientific choices (default: the shipped report.toml)",
    )
    parser.add_argument(
        "--source",
        choices=SOURCES,
        action="append",
        help="where the exposures come from; may be given again "
        f"(default: {' and '.join(DEFAULT_SOURCES)})",
    )
    parser.add_argument(
        "--cubes",
        type=Path,
        metavar="DIR",
        help="folder of DATACUBE_FINAL files, for --source cubes",
    )
    parser.add_argument(
        "--raw",
        type=Path,
        metavar="DIR",
        help="folder of raw frames and association trees, for --source archive (default: what "
        "`python -m pipeline retrieve` left in the work folder)",
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("work"),
        metavar="DIR",
        help="folder of intermediate products, kept between runs (default: work)",
    )
    parser.add_argument(
        "--jobs",
        type=_positive,
        default=_cores(),
        metavar="N",
        help="worker processes; 1 runs everything in this process (default: the cores there are)",
    )
    parser.add_argument(
        "--executor",
        default="local",
        metavar="local|FILE",
        help="local, or a file with a Parsl configuration (see examples/slurm.py)",
    )
    parser.add_argument(
        "--force",
        choices=forceable,
        action="append",
        default=[],
        metavar="STEP",
        help=f"do a step again though nothing changed: {', '.join(forceable)}",
    )


def request_from(options: argparse.Namespace) -> Request:
    """The request that parsed options make.

    Raises
    ------
    ConfigError
        If options contradict each other, or the configuration is wrong.
    """
    sources = tuple(dict.fromkeys(options.source or DEFAULT_SOURCES))
    if "cubes" in sources and options.cubes is None:
        raise ConfigError("--source cubes needs --cubes DIR, the folder of the cube files")
    if options.cubes is not None and "cubes" not in sources:
        raise ConfigError("--cubes is only read with --source cubes")
    if options.raw is not None and "archive" not in sources:
        raise ConfigError("--raw is only read with --source archive")
    return Request(
        read_settings(options.config),
        options.config.resolve().parent,
        sources,
        options.cubes,
        options.raw,
        options.work,
        Workers(options.jobs, options.executor),
        tuple(options.force),
    )


def guarded(command: Callable[[], int]) -> int:
    """Run a command; an expected failure is a message without traceback and exit status 2."""
    try:
        return command()
    except RequestError as error:
        say(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        say("interrupted; what is done is kept, the same command goes on from here")
        sys.stdout.flush()
        return INTERRUPTED


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number}: at least 1")
    return number


def _cores() -> int:
    return len(os.sched_getaffinity(0))

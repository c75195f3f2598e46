"""Options that several commands share, and the request that they make."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from pipeline.config.loader import read_settings
from pipeline.config.paths import ROOT
from pipeline.sources.registry import DEFAULT_SOURCES, FOLDER_OPTIONS, SOURCES, check_folders
from pipeline.sources.request import Request
from pipeline.workflow.executors import Workers
from pipeline.workflow.shards import Shard

Command = TypeVar("Command", bound=Callable[..., Any])
FOLDER = click.Path(readable=False, path_type=Path)  # our own errors name the remedy


class OrdinaryFile(click.Path):
    """A file, absent or not; a pipe or a device would be waited for, or read, without end."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """The path, refused if it is neither a file nor a folder."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.exists() and not (path.is_file() or path.is_dir()):
            self.fail(f"{path} is a pipe, a device or a socket; name a file.", param, ctx)
        return path


FILE = OrdinaryFile(readable=False, path_type=Path)

config_option = click.option(
    "--config",
    type=FILE,
    default=ROOT / "report.toml",
    show_default="the shipped report.toml",
    metavar="FILE",
    help="Campaign and scientific choices.",
)
work_option = click.option(
    "--work",
    type=FOLDER,
    default=Path("work"),
    show_default=True,
    metavar="DIR",
    help="Folder of intermediate products, kept between runs.",
)
field_option = click.option("--field", metavar="NAME", help="Only this one of the fields.")


def campaign_options(*steps: str) -> Callable[[Command], Command]:
    """Options for the input, the folders and the number of workers.

    Parameters
    ----------
    steps : str
        The steps that ``--force`` can name, in their order.

    Returns
    -------
    callable
        A decorator of a click command, whose keyword arguments ``request_from`` takes.
    """
    options = (
        config_option,
        click.option(
            "--source",
            "sources",
            type=click.Choice(tuple(SOURCES)),
            multiple=True,
            help="Where the exposures come from; may be given again.  "
            f"[default: {' and '.join(DEFAULT_SOURCES)}]",
        ),
        *(
            click.option(
                f"--{option.name}",
                type=FOLDER,
                metavar="DIR",
                help=f"{option.help[:1].upper()}{option.help[1:]}, for --source {source}."
                + (f"  [default: {option.default}]" if option.default else ""),
            )
            for source, option in FOLDER_OPTIONS.items()
        ),
        work_option,
        click.option(
            "--jobs",
            type=click.IntRange(min=1),
            default=lambda: len(os.sched_getaffinity(0)),
            show_default="the available cores",
            metavar="N",
            help="Worker processes; 1 runs everything in this process.",
        ),
        click.option(
            "--executor",
            default="local",
            show_default=True,
            metavar="local|FILE",
            help="Where the workers run: local, or a file with a Parsl configuration "
            "(see examples/slurm.py).",
        ),
        click.option(
            "--shard",
            metavar="I/N",
            help="Measure part I of N only: N runs, on any machines, share one work folder; a last "
            "run without this option does what is missing, and gathers.",
        ),
        click.option(
            "--force",
            type=click.Choice(steps),
            multiple=True,
            metavar="STEP",
            help=f"Repeat a step although nothing changed: {', '.join(steps)}.",
        ),
    )

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def request_from(
    *,
    config: Path,
    sources: tuple[str, ...],
    work: Path,
    jobs: int,
    executor: str,
    force: tuple[str, ...],
    shard: str | None = None,
    **folders: Path | None,
) -> Request:
    """The request that the options of ``campaign_options`` make.

    Raises
    ------
    ConfigError
        If options contradict each other, or the configuration is wrong.
    """
    chosen = tuple(dict.fromkeys(sources or DEFAULT_SOURCES))
    request = Request(
        read_settings(config),
        config.resolve().parent,
        chosen,
        folders.pop("cubes", None),
        folders.pop("raw", None),
        work,
        Workers(jobs, executor),
        force,
        Shard.parse(shard) if shard else None,
        {name: folder for name, folder in folders.items() if folder is not None},
    )
    check_folders(request)
    return request

"""``init``: a configuration for a folder of cubes."""

import tomllib
from pathlib import Path

import click

from pipeline.cli.options import FILE, FOLDER
from pipeline.config.loader import parse_settings
from pipeline.errors import ConfigError
from pipeline.tasks.first_look import look_at
from pipeline.tasks.proposal import proposal
from pipeline.workflow.progress import say


@click.command()
@click.argument("folder", type=FOLDER, default=Path())
@click.option(
    "--output",
    type=FILE,
    default=Path("report.toml"),
    show_default=True,
    metavar="FILE",
    help="The configuration to write; a file that is there is never overwritten.",
)
def init(folder: Path, output: Path) -> None:
    """Write a configuration for the cubes in FOLDER (left out: this folder).

    Field, modes and dates come from the headers, the passbands, pairs and targets from the stars of one
    exposure. What is a choice is a comment beside it.

    \b
    Example:
      python -m pipeline init cubes
      python -m pipeline build --config report.toml --source cubes --cubes cubes
    """
    if output.exists() or output.is_symlink():
        raise ConfigError(f"{output} exists already and is kept; name another file with --output")
    look = look_at(folder)
    text = proposal(look)
    parse_settings(tomllib.loads(text))  # what is written can be read
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(f"{output}: cannot be written ({error.strerror})") from error
    n = sum(len(one.entries) for one in look.pointings)
    say(f"{output}: {n} exposures, {len(look.catalogue.star_id)} stars in the reference exposure")
    for line in look.unused:
        say(f"  not used: {line}")
    say(f"next: python -m pipeline build --config {output} --source cubes --cubes {folder}")

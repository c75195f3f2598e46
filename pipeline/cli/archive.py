"""``overview``, ``retrieve`` and ``identify``: what the archives are asked."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click

from pipeline.archive import cli as archive
from pipeline.cli.options import FILE, config_option, field_option, work_option
from pipeline.sources.registry import SOURCES

_years_option = click.option(
    "--year", type=int, multiple=True, help="May be given again.  [default: archive.years]"
)


@click.command()
@config_option
@work_option
@field_option
@_years_option
@click.option("--dry-run", is_flag=True, help="Print the queries, send none.")
def overview(**options: Any) -> int:
    """List the nights that the archive holds, by mode."""
    return archive.run_overview(SimpleNamespace(**options))


@click.command()
@config_option
@work_option
@field_option
@_years_option
@click.option("--dry-run", is_flag=True, help="Say what would be downloaded, and how much.")
@click.option("--night", multiple=True, metavar="YYYY-MM-DD", help="May be given again.")
@click.option("--ask-again", is_flag=True, help="Query settled nights, too.")
@click.option("--verify", is_flag=True, help="Read every file again before counting it as here.")
def retrieve(**options: Any) -> int:
    """Download raw frames with their calibrations."""
    return archive.run_retrieve(SimpleNamespace(**options))


@click.command()
@config_option
@work_option
@field_option
@click.option(
    "--source", type=click.Choice(tuple(SOURCES)), multiple=True, help="Only this source."
)
@click.option(
    "--catalogue", type=FILE, metavar="FILE", help="Of these stars: ECSV with star_id, x, y."
)
@click.option("--epoch", type=float, metavar="YEAR", help="Of the catalogue's exposure.")
def identify(catalogue: Path | None, **options: Any) -> int:
    """Identify the field stars in Gaia DR3; variable stars are flagged."""
    return archive.run_identify(SimpleNamespace(catalogue=catalogue, **options))

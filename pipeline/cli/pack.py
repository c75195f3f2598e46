"""``pack``: archives of a finished site."""

import hashlib
from pathlib import Path

import click

from pipeline.cli.options import FOLDER
from pipeline.report.downloads.packing import pack as pack_site
from pipeline.report.text import size_of
from pipeline.workflow.progress import say


@click.command()
@click.option(
    "--site",
    type=FOLDER,
    default=Path("site"),
    show_default=True,
    metavar="DIR",
    help="The finished site.",
)
@click.option(
    "--output",
    type=FOLDER,
    default=Path("dist"),
    show_default=True,
    metavar="DIR",
    help="Folder of the archives.",
)
def pack(site: Path, output: Path) -> None:
    """Pack a finished site into one archive, and its data into another.

    The same site gives the same bytes. Unpack the site anywhere and open index.html: no server is
    needed.
    """
    for target in pack_site(site, output):
        content = target.read_bytes()
        say(f"{target}, {size_of(len(content))}, sha256 {hashlib.sha256(content).hexdigest()}")

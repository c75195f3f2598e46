"""``zenodo``: a version as a draft on Zenodo."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from pipeline import __version__
from pipeline.cli.options import FILE
from pipeline.config.paths import ROOT
from pipeline.errors import DepositRefused
from pipeline.workflow.products import safe_name
from pipeline.workflow.progress import say
from pipeline.zenodo.api import Deposits
from pipeline.zenodo.deposit import State
from pipeline.zenodo.deposit import publish as publish_draft
from pipeline.zenodo.deposit import reserve as reserve_draft
from pipeline.zenodo.deposit import upload as upload_files
from pipeline.zenodo.dry_run import DryRun
from pipeline.zenodo.files import Version, local_file, version_in
from pipeline.zenodo.metadata import metadata_of, read_metadata
from pipeline.zenodo.service import HttpService, Service, checked_server
from pipeline.zenodo.token import token_for

Command = TypeVar("Command", bound=Callable[..., Any])


def _server_options(command: Command) -> Command:
    options = (
        click.option(
            "--server", default="https://zenodo.org", show_default=True, metavar="URL",
            help="The service.",
        ),
        click.option(
            "--metadata", type=FILE, default=ROOT / ".zenodo.json", metavar="FILE",
            show_default=".zenodo.json of the repository", help="Title, authors, licence.",
        ),
        click.option(
            "--state", type=FILE, metavar="FILE",
            help="Remembers the draft's number.  [default: work/zenodo-VERSION.json]",
        ),
        click.option(
            "--dry-run", is_flag=True,
            help="Print every request with its body instead of sending it; needs no token.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def zenodo() -> None:
    """Deposit a version on Zenodo, as a draft that a human publishes.

    \b
      1. python -m pipeline zenodo reserve            a draft; prints its DOI
      2. python build_report.py --doi DOI             the site, with that DOI on every page
      3. make archive                                 the archives, in dist/
      4. python -m pipeline zenodo upload dist/*.tgz  metadata and files into the draft

    Repeating a step is safe: a draft is found again, files that are there are not sent twice. The
    token is read from ZENODO_TOKEN or the system's keyring. Try it on https://sandbox.zenodo.org
    first, where accounts, tokens and DOIs are of their own.
    """


@zenodo.command()
@click.option(
    "--version-label",
    default=f"v{__version__}",
    show_default=True,
    metavar="X",
    help="Name of the version, as given to build_report.py.",
)
@click.option(
    "--concept",
    default="",
    metavar="ID",
    help="Number of the concept record (that of all versions) that gets a new version; without it a "
    "new record begins.",
)
@_server_options
def reserve(version_label: str, concept: str, **where: Any) -> None:
    """Make a draft and print its reserved DOI."""
    version = Version(version_label)
    deposits, state, metadata = _connect(version, exists=False, **where)
    click.echo(reserve_draft(deposits, state, metadata, concept, say).doi)


@zenodo.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option(
    "--publish",
    is_flag=True,
    help="Publish the draft at the end, which cannot be undone; without it, it stays a draft.",
)
@_server_options
def upload(files: tuple[Path, ...], publish: bool, **where: Any) -> None:
    """Fill the draft with metadata and FILES, the archives that `pack` wrote."""
    version = version_in(list(files))
    local = [local_file(path) for path in files]
    if len({file.name for file in local}) < len(local):
        raise DepositRefused("two files of one name: a deposit has no folders")
    deposits, state, metadata = _connect(version, exists=True, **where)
    draft = upload_files(deposits, state, metadata, version, local, say)
    if publish:
        published = publish_draft(deposits, draft)
        say(f"published: https://doi.org/{published.doi or draft.doi}")
    else:
        say(f"complete, a draft: check and publish it at {draft.page or where['server']}")


def _connect(
    version: Version,
    *,
    exists: bool,
    server: str,
    metadata: Path,
    state: Path | None,
    dry_run: bool,
) -> tuple[Deposits, State, dict[str, Any]]:
    """The service, what is remembered of the draft, and the metadata of the version."""
    address = checked_server(server)
    record = metadata_of(read_metadata(metadata), version)
    path = state or Path("work") / f"zenodo-{safe_name(version.label)}.json"
    remembered = State(path, address, version.label, kept=not dry_run)
    service: Service
    if dry_run:
        say("dry run: nothing is sent")
        number = remembered.draft_id()
        service = DryRun(address, record, version.doi, exists=exists, number=number, say=print)
    else:
        service = HttpService(address, token_for(str(urlsplit(address).hostname)))
    return Deposits(service), remembered, record

"""``versions``: finished sites as immutable versions in a git branch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from pipeline.cli.options import FILE, FOLDER
from pipeline.versions.branch import Branch
from pipeline.versions.demo import demo as publish_demo
from pipeline.versions.deploy import deploy as deploy_site
from pipeline.versions.deploy import previous_report
from pipeline.versions.site import LIMITS_MB, read_site
from pipeline.workflow.ownership import EXPORT, check_file, claim
from pipeline.workflow.progress import say

Command = TypeVar("Command", bound=Callable[..., Any])
_size_option = click.option(
    "--limit-mb",
    type=float,
    show_default=", ".join(f"{limit:g} up to {most} exposures" for most, limit in LIMITS_MB),
    metavar="MB",
    help="Largest size of a version; GitHub Pages serves 1 GB in all.",
)


def _branch_options(command: Command) -> Command:
    options = (
        click.option(
            "--repository",
            type=FOLDER,
            default=Path(),
            show_default="the current folder",
            metavar="DIR",
            help="Repository of the branch.",
        ),
        click.option(
            "--branch",
            "name",
            default="gh-pages",
            show_default=True,
            metavar="NAME",
            help="Branch of the versions.",
        ),
        click.option(
            "--remote",
            default="origin",
            show_default=True,
            metavar="NAME",
            help="Begin from what was fetched from it, if that is ahead.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _branch(repository: Path, name: str, remote: str) -> Branch:
    branch = Branch(repository.absolute(), name)
    branch.follow(remote)
    return branch


def _is_report(content: bytes) -> bool:
    return not content or (content.startswith(b"{") and b'"schema"' in content)


@click.group()
def versions() -> None:
    """Publish finished sites as immutable versions in a git branch, and list what is published.

    The branch is a local one: fetch it before, push it after. One commit publishes a version with its
    aliases and everything at the root; an interrupted deploy can be repeated.

    \b
    Version v2026.12 at https://example.org/report/v2026.12/:
      git fetch origin gh-pages
      python -m pipeline versions previous --before v2026.12 work/previous.json
      python build_report.py --version-label v2026.12 --site-url https://example.org/report/ \\
          --previous work/previous.json
      python -m pipeline versions check site
      python -m pipeline versions deploy site
      git push origin gh-pages
    """


@versions.command()
@click.argument("site", type=FOLDER)
@_branch_options
@_size_option
@click.option("--not-stable", is_flag=True, help="Leave the alias `stable` where it is.")
@click.option(
    "--moved", is_flag=True, help="All versions are served at another address from now on."
)
def deploy(site: Path, limit_mb: float | None, not_stable: bool, moved: bool, **where: Any) -> None:
    """Publish SITE, a folder that `build` made."""
    branch = _branch(**where)
    say(deploy_site(site, branch, stable=not not_stable, moved=moved, limit_mb=limit_mb))


@versions.command()
@click.argument("site", type=FOLDER)
@_size_option
def check(site: Path, limit_mb: float | None) -> None:
    """Say whether SITE may be published."""
    found = read_site(site, limit_mb)
    size = f"{found.n_bytes / 1e6:.2f} of {limit_mb or found.limit_mb:g} MB"
    say(f"{site}: {found.label} for {found.url}, {len(found.files)} files, {size}")


@versions.command()
@click.argument("file", type=FILE)
@_branch_options
@click.option("--before", default="", metavar="LABEL", help="The version before this one.")
def previous(file: Path, before: str, **where: Any) -> None:
    """Write the report.json of the previous version to FILE, which is empty if there is none."""
    label, report = previous_report(_branch(**where), before)
    check_file(file, _is_report, "name another file")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(report)
    say(f"{file}: {label or 'no previous version, left empty'}")


@versions.command("list")
@_branch_options
def list_versions(**where: Any) -> None:
    """List the published versions with their aliases."""
    branch = _branch(**where)
    for info in branch.versions(branch.listing()):
        click.echo(" ".join([str(info.version), *sorted(info.aliases)]))


@versions.command()
@click.argument("folder", type=FOLDER)
@_branch_options
def export(folder: Path, **where: Any) -> None:
    """Write all that is published into FOLDER."""
    branch = _branch(**where)
    branch.export(claim(folder, EXPORT))
    say(f"{branch.name} is in {folder}")


@versions.command()
@click.option(
    "--folder",
    type=FOLDER,
    default=Path("work/publish-demo"),
    show_default=True,
    metavar="DIR",
    help="Emptied, then filled.",
)
@click.option("--port", type=int, default=8000, show_default=True, help="On 127.0.0.1.")
@click.option("--no-serve", is_flag=True, help="Stop when both are published.")
def demo(folder: Path, port: int, no_serve: bool) -> None:
    """Publish two small versions in a repository of their own, and serve them."""
    publish_demo(folder, port, serve=not no_serve)

"""``reduce``, ``measure``, ``statistics`` and ``status``: single steps of a campaign."""

from typing import Any

import click

from pipeline.cli.log import log_to_file
from pipeline.cli.options import campaign_options, request_from
from pipeline.cli.publish import damaged_files
from pipeline.cli.status import status_lines
from pipeline.errors import ConfigError, printable, printable_lines
from pipeline.sources import (
    FORCEABLE,
    ArchiveFrames,
    MeasuredCampaign,
    campaigns_of,
    measure_all,
)
from pipeline.tasks.installed import installed_recipes
from pipeline.tasks.reduce import dry_run as planned_calls
from pipeline.tasks.verify import verify_jobs
from pipeline.workflow.products import exclusive
from pipeline.workflow.progress import say


@click.command()
@campaign_options(*FORCEABLE)
def measure(**options: Any) -> None:
    """Measure every exposure that is new or stale.

    \b
    Example:
      python -m pipeline measure --source cubes --cubes DIR --config mine.toml --jobs 8
    """
    request = request_from(**options)
    with exclusive(request.work, shared=request.shard is not None):
        log_to_file(request.work)
        measure_all(campaigns_of(request))


@click.command()
@campaign_options(*FORCEABLE)
def statistics(**options: Any) -> None:
    """Measure what is new or stale, then compute the statistics: tables in the work folder."""
    request = request_from(**options)
    with exclusive(request.work):
        log_to_file(request.work)
        campaigns = campaigns_of(request)
        measure_all(campaigns)
        for campaign in campaigns:
            say(campaign.exit_summary())


@click.command()
@campaign_options(*FORCEABLE)
@click.option("--all", "everything", is_flag=True, help="Name every exposure.")
@click.option(
    "--verify",
    is_flag=True,
    help="Hash every product and file of the site and check the checksums of every cube, too; reads "
    "all data once.",
)
def status(everything: bool, verify: bool, **options: Any) -> int:
    """List what is done, stale and failed, and why; nothing is run."""
    request = request_from(**options)
    campaigns = campaigns_of(request)
    lines = status_lines(campaigns, everything=everything)
    click.echo(printable_lines("\n".join(lines)))
    wrong = 0
    if verify:
        with exclusive(request.work):
            for campaign in campaigns:
                if isinstance(campaign, MeasuredCampaign):
                    for exposure_id, text in verify_jobs(campaign.jobs):
                        click.echo(printable_lines(f"{campaign.name}: {exposure_id}: {text}"))
                        wrong += 1
        for text in damaged_files(request.work):
            click.echo(printable(f"site: {text}"))
            wrong += 1
        click.echo(
            f"verified: {wrong} products, cubes or files of the site are not as they should be"
        )
    return int(wrong > 0)


@click.command()
@campaign_options("reduce")
@click.option("--check", is_flag=True, help="Say whether the recipes are installed, and stop.")
@click.option("--dry-run", is_flag=True, help="Print which recipes would run on which frames.")
def reduce(check: bool, dry_run: bool, **options: Any) -> int:
    """Reduce raw frames to cubes with the recipes of the MUSE pipeline.

    \b
    Examples:
      python -m pipeline reduce --check
      python -m pipeline reduce --raw DIR --dry-run
    """
    options["sources"] = options["sources"] or ("archive",)
    request = request_from(**options)
    if check:
        for line in installed_recipes(request.settings.reduction):
            click.echo(line)
        return 0
    status = 0
    for campaign in campaigns_of(request):
        if not isinstance(campaign, ArchiveFrames):
            raise ConfigError("reduce works on raw frames: give --source archive or nothing")
        if dry_run:
            click.echo("\n".join(planned_calls(campaign.nights)))
            continue
        with exclusive(request.work, shared=request.shard is not None):
            log_to_file(request.work)
            campaign.reduce()
        for entry in campaign.entries():
            click.echo(printable(f"{entry.exposure_id}: {entry.error or entry.cube_path}"))
            status |= entry.error is not None
    return status

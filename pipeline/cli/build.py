"""``build``: every step from exposures to the site."""

from pathlib import Path
from typing import Any

import click

from pipeline import __version__
from pipeline.cli.log import log_to_file
from pipeline.cli.options import FILE, FOLDER, campaign_options, request_from
from pipeline.cli.publish import SiteRequest, publish
from pipeline.report.citation import checked_doi
from pipeline.schema.labels import version_url
from pipeline.sources import FORCEABLE, campaigns_of, measure_all
from pipeline.sources.registry import FOLDER_OPTIONS
from pipeline.workflow.interrupt import raise_if_interrupted
from pipeline.workflow.ownership import SITE, check
from pipeline.workflow.products import exclusive
from pipeline.workflow.progress import say

STEPS = ("measure", "statistics", "pages", "site")


@click.command(epilog="Exit status: 0 the site is complete, 2 the request cannot be carried out.")
@campaign_options(*FORCEABLE, "site")
@click.option(
    "--site",
    type=FOLDER,
    default=Path("site"),
    show_default=True,
    metavar="DIR",
    help="Folder of the site.",
)
@click.option(
    "--until",
    type=click.Choice(STEPS),
    default="site",
    show_default=True,
    metavar="STEP",
    help=f"Stop after a step: {', '.join(STEPS)}.",
)
@click.option(
    "--version-label",
    default="",
    metavar="X",
    help=f"Name of this version.  [default: v{__version__}]",
)
@click.option(
    "--site-url",
    default="",
    metavar="URL",
    help="Address under which all versions are published; this one is at URL/LABEL/, which its "
    "canonical links name.  [default: none, a site that is not to be published]",
)
@click.option(
    "--previous",
    type=FILE,
    metavar="FILE",
    help="report.json of the previous version; the report then lists what changed "
    "(see `python -m pipeline versions previous --help`).",
)
@click.option(
    "--doi",
    default="",
    metavar="DOI",
    help="DOI of this version, reserved with `python -m pipeline zenodo reserve`.  "
    "[default: that of CITATION.cff, if it has one]",
)
def build(
    site: Path,
    until: str,
    version_label: str,
    site_url: str,
    previous: Path | None,
    doi: str,
    **options: Any,
) -> None:
    """Build the report: measure every exposure of every source, summarise, write pages and site.

    Only what changed since the last run is repeated; an interrupted run continues where it stopped.
    An exposure that cannot be used is listed with the reason and does not stop the run.

    \b
    Examples:
      python build_report.py                       the 2019 record and a simulated campaign
      python build_report.py --source cubes --cubes DIR --config mine.toml
      python build_report.py --until statistics    tables only, in the work folder
    """
    request = request_from(**options)
    label = version_label or f"v{__version__}"
    version_url(site_url, label)  # a wrong one ends the build before its work, not after it
    target = SiteRequest(
        site, version_label, until == "pages", site_url, previous, checked_doi(doi)
    )
    if until == "site" and request.shard is None:  # refused before anything is computed
        given = (request.folder(option.name) for option in FOLDER_OPTIONS.values())
        check(
            site,
            SITE,
            apart=(request.work, *given, options["config"], previous),
        )
    until = "measure" if request.shard else until
    with exclusive(request.work, shared=request.shard is not None):
        log_to_file(request.work)
        campaigns = campaigns_of(request)
        measure_all(campaigns)
        if until != "measure":
            for campaign in campaigns:
                raise_if_interrupted()
                say(campaign.exit_summary())
        if until in ("pages", "site"):
            raise_if_interrupted()
            say(publish(campaigns, request, target))

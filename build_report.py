#!/usr/bin/env python3
"""Build the report: measure every exposure of every source, summarise, render pages, make the site.

Only what changed since the last run is made again; a run that was interrupted goes on where it
stopped. Exit status: 0 the site is complete, 2 the request cannot be carried out, 1 a defect.
"""

import argparse
import sys
from pathlib import Path

from pipeline import __version__
from pipeline.cli.options import add_common_options, guarded, request_from
from pipeline.cli.publish import SiteRequest, publish
from pipeline.report.citation import checked_doi
from pipeline.schema.labels import version_url
from pipeline.sources import FORCEABLE, campaigns_of, measure_all
from pipeline.sources.request import Request
from pipeline.workflow.products import exclusive
from pipeline.workflow.progress import say

STEPS = ("measure", "statistics", "pages", "site")


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="build_report.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n"
        "  python build_report.py                       the real 2019 record and a simulated campaign\n"
        "  python build_report.py --source cubes --cubes DIR --config mine.toml\n"
        "  python build_report.py --until statistics    tables only, in the work folder\n",
    )
    add_common_options(parser, (*FORCEABLE, "site"))
    parser.add_argument(
        "--site",
        type=Path,
        default=Path("site"),
        metavar="DIR",
        help="folder of the site (default: site)",
    )
    parser.add_argument(
        "--until",
        choices=STEPS,
        default="site",
        metavar="STEP",
        help=f"stop after a step: {', '.join(STEPS)}",
    )
    parser.add_argument(
        "--version-label",
        default="",
        metavar="X",
        help="name of this version (default: v + version)",
    )
    parser.add_argument(
        "--site-url",
        default="",
        metavar="URL",
        help="address under which all versions are published; this one is at URL/LABEL/, which its "
        "canonical links name (default: none, a site that is not to be published)",
    )
    parser.add_argument(
        "--previous",
        type=Path,
        metavar="FILE",
        help="report.json of the version before; the summary says what changed since (see "
        "`python -m pipeline.versions previous`)",
    )
    parser.add_argument(
        "--doi",
        default="",
        metavar="DOI",
        help="DOI of this version, reserved with python -m pipeline.zenodo reserve "
        "(default: that of CITATION.cff, if it has one)",
    )
    return parser.parse_args(arguments)


def build(request: Request, options: argparse.Namespace) -> int:
    """All steps in their order, up to the one that was asked for."""
    label = options.version_label or f"v{__version__}"
    version_url(options.site_url, label)  # a wrong one ends the build before its work, not after it
    site = SiteRequest(
        options.site,
        options.version_label,
        options.until == "pages",
        options.site_url,
        options.previous,
        checked_doi(options.doi),
    )
    with exclusive(request.work):
        campaigns = campaigns_of(request)
        measure_all(campaigns)
        if options.until != "measure":
            for campaign in campaigns:
                say(campaign.exit_summary())
        if options.until in ("pages", "site"):
            say(publish(campaigns, request, site))
    return 0


def main(arguments: list[str]) -> int:
    """Exit status of the command line."""
    options = parse(arguments)
    return guarded(lambda: build(request_from(options), options))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Single steps from the command line: ``python -m pipeline COMMAND``."""

import argparse
import sys

from pipeline.cli import archive
from pipeline.cli.options import add_common_options, guarded, request_from
from pipeline.cli.status import status_lines
from pipeline.errors import ConfigError
from pipeline.reduction.runners import find_runner, recipes_version
from pipeline.sources import FORCEABLE, ArchiveFrames, campaigns_of
from pipeline.sources.request import Request
from pipeline.tasks.reduce import dry_run as dry_run_of
from pipeline.workflow.products import exclusive


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command and its options."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline",
        description=__doc__,
        epilog="The whole report, pages and site included: python build_report.py --help",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (
        ("status", "list what is done, stale and failed, and why"),
        ("measure", "measure every exposure that is new or stale"),
        ("statistics", "measure, then summarise: tables in the work folder"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        add_common_options(command, FORCEABLE)
        if name == "status":
            command.add_argument("--all", action="store_true", help="name every exposure")
    text = "reduce raw frames to cubes with the recipes of the MUSE pipeline (--source archive)"
    command = commands.add_parser("reduce", help=text, description=text)
    add_common_options(command, ("reduce",))
    command.set_defaults(source=["archive"])
    command.add_argument("--check", action="store_true", help="say whether recipes are installed")
    command.add_argument("--dry-run", action="store_true", help="print what would run on what")
    for one in archive.COMMANDS:  # they read their own options
        commands.add_parser(str(one.name), help=one.get_short_help_str(), add_help=False)
    return parser.parse_args(arguments)


def _status(request: Request, everything: bool) -> int:
    print("\n".join(status_lines(campaigns_of(request), everything=everything)))
    return 0


def _measure(request: Request, summarise: bool) -> int:
    with exclusive(request.work):
        for campaign in campaigns_of(request):
            campaign.measure()
            if summarise:
                print(campaign.exit_summary())
    return 0


def _reduce(request: Request, check: bool, dry_run: bool) -> int:
    if check:
        print(f"recipes: {recipes_version(find_runner(request.settings.reduction.runner))}")
        return 0
    status = 0
    for campaign in campaigns_of(request):
        if not isinstance(campaign, ArchiveFrames):
            raise ConfigError("reduce works on raw frames: give --source archive or nothing")
        if dry_run:
            print("\n".join(dry_run_of(campaign.nights)))
            continue
        with exclusive(request.work):
            campaign.reduce()
        for entry in campaign.entries():
            print(f"{entry.exposure_id}: {entry.error or entry.cube_path}")
            status |= entry.error is not None
    return status


def main(arguments: list[str]) -> int:
    """Exit status of the command line."""
    if arguments and arguments[0] in archive.commands.commands:
        return archive.main(arguments)
    options = parse(arguments)

    def command() -> int:
        request = request_from(options)
        if options.command == "reduce":
            return _reduce(request, options.check, options.dry_run)
        if options.command == "status":
            return _status(request, options.all)
        return _measure(request, options.command == "statistics")

    return guarded(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

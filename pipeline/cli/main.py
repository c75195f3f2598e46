"""``python -m pipeline``: one command line for every step, and how an expected failure ends it."""

import importlib
import signal
import sys
from collections.abc import Sequence

import click

from pipeline import __version__
from pipeline.cli.log import log_to_terminal, verbosity_options
from pipeline.errors import RequestError
from pipeline.workflow.interrupt import catch_interrupts, raise_if_interrupted
from pipeline.workflow.progress import log_error

REFUSED = 2  # the request cannot be carried out, as for wrong options
INTERRUPTED = 130  # the shell's own exit status for Ctrl-C

# Subcommand: the object that implements it and its line in --help. Imported when called, since numpy,
# astropy and Parsl together take longer to import than most commands take to run.
COMMANDS = {
    "build": ("pipeline.cli.build:build", "Build the report: measure, summarise, write the site."),
    "overview": ("pipeline.cli.archive:overview", "List the nights that the archive holds."),
    "retrieve": ("pipeline.cli.archive:retrieve", "Download exposures with their calibrations."),
    "contact": ("pipeline.cli.archive:contact", "Check what is assumed about the archives."),
    "locate": ("pipeline.cli.archive:locate", "Look up where an object of some name is."),
    "identify": ("pipeline.cli.archive:identify", "Identify the field stars in Gaia DR3."),
    "reduce": ("pipeline.cli.measure:reduce", "Reduce raw frames to cubes with the MUSE recipes."),
    "measure": ("pipeline.cli.measure:measure", "Measure every exposure that is new or stale."),
    "statistics": ("pipeline.cli.measure:statistics", "Measure, then compute the statistics."),
    "status": ("pipeline.cli.measure:status", "List what is done, stale and failed, and why."),
    "simulate": ("pipeline.cli.simulate:simulate", "Write simulated raw frames."),
    "pack": ("pipeline.cli.pack:pack", "Pack a finished site into archives."),
    "versions": ("pipeline.cli.versions:versions", "Publish sites as immutable versions."),
    "zenodo": ("pipeline.cli.zenodo:zenodo", "Deposit a version on Zenodo."),
    "vendor": ("pipeline.cli.vendor:vendor", "Install the Plotly bundle that the site serves."),
}


class LazyGroup(click.Group):
    """A group whose subcommands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, in the order of a campaign's steps."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The subcommand of that name, None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return verbosity_options(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The subcommands with a line each, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Help on a command: python -m pipeline COMMAND --help",
)
@click.version_option(__version__, "--version", prog_name="muse-differential-photometry")
def cli() -> None:
    """How stable is the flux ratio of two sources in one MUSE field, from night to night?

    \b
    Examples:
      python -m pipeline build                                the default report
      python -m pipeline build --source cubes --cubes DIR     a report on your own cubes
      python -m pipeline status                               what would be done, and why
    """


def main(arguments: Sequence[str] | None = None, *, prog_name: str = "python -m pipeline") -> int:
    """Exit status of a command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command and its options; left out, those of this process.

    Returns
    -------
    int
        0 done, 1 done but something is missing, 2 the request cannot be carried out, 130 interrupted.

    Examples
    --------
    >>> main(["build", "--source", "published", "--until", "statistics", "--work", "work"])
    0
    """
    log_to_terminal()
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            catch_interrupts()
        status = cli.main(
            args=None if arguments is None else list(arguments),
            prog_name=prog_name,
            standalone_mode=False,
        )
        raise_if_interrupted()
        return status if isinstance(status, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except RequestError as error:
        log_error(f"{type(error).__name__}: {error}")
        return REFUSED
    except (KeyboardInterrupt, click.Abort):
        log_error("interrupted; finished work is kept, the same command continues from here")
        sys.stdout.flush()
        return INTERRUPTED

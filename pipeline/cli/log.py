"""Where log records go: the terminal, and a file beside the products."""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import click

from pipeline.workflow.full_disk import leave_out_what_cannot_be_written
from pipeline.workflow.progress import LOGGER, TerminalHandler

LOG_FILE = "pipeline.log"
LOG_BYTES = 1_000_000  # then a new file; two old ones are kept
_FILE_FORMAT = "%(asctime)s %(levelname)s %(message)s"
_DATES = "%Y-%m-%dT%H:%M:%S"


class _TerminalFormatter(logging.Formatter):
    """Time and message; what is not plain information says so."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        return f"{self.formatTime(record, '%H:%M:%S')} {level}{record.getMessage()}"


class _LogFile(RotatingFileHandler):
    """A log that a full disk cuts short: the run itself says that it is full, in words."""

    handleError = leave_out_what_cannot_be_written


def log_to_terminal(level: int = logging.INFO) -> None:
    """Send records of at least that level to standard error; calling it again changes the level."""
    LOGGER.setLevel(logging.DEBUG)
    for handler in [one for one in LOGGER.handlers if isinstance(one, TerminalHandler)]:
        LOGGER.removeHandler(handler)
    handler = TerminalHandler()
    handler.setFormatter(_TerminalFormatter())
    handler.setLevel(level)
    LOGGER.addHandler(handler)


def log_to_file(folder: Path) -> None:
    """Append all records to ``pipeline.log`` in a folder that exists, until the process ends.

    A log that cannot be written does not keep a run from its work: the terminal says so.
    """
    for old in [one for one in LOGGER.handlers if isinstance(one, RotatingFileHandler)]:
        LOGGER.removeHandler(old)
        old.close()
    try:
        handler = _LogFile(
            folder / LOG_FILE, maxBytes=LOG_BYTES, backupCount=2, encoding="utf-8", delay=False
        )
    except OSError as error:
        LOGGER.warning("%s: no log file (%s)", folder / LOG_FILE, error.strerror)
        return
    handler.setFormatter(logging.Formatter(_FILE_FORMAT, _DATES))
    LOGGER.addHandler(handler)


def verbosity_options(command: click.Command) -> click.Command:
    """Give a command, or each command of a group, the options ``-v`` and ``-q``."""
    if isinstance(command, click.Group):
        for one in command.commands.values():
            verbosity_options(one)
        return command
    if any(option.name == "quiet" for option in command.params):
        return command
    command.params += [
        click.Option(
            ["-v", "--verbose"], is_flag=True, expose_value=False, callback=_verbose,
            help="Log details, too.",
        ),
        click.Option(
            ["-q", "--quiet"], is_flag=True, expose_value=False, callback=_quiet,
            help="Log warnings and errors only.",
        ),
    ]  # fmt: skip
    return command


def _verbose(_context: click.Context, _option: click.Parameter, value: Any) -> None:
    if value:
        log_to_terminal(logging.DEBUG)


def _quiet(_context: click.Context, _option: click.Parameter, value: Any) -> None:
    if value:
        log_to_terminal(logging.WARNING)

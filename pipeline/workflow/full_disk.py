"""Logs on a full disk: cut short, without a traceback for every line."""

import logging
import sys

_show_defect = logging.Handler.handleError


def leave_out_what_cannot_be_written(handler: logging.Handler, record: logging.LogRecord) -> None:
    """What ``handleError`` of a handler does: a full disk, of which the run speaks in words, is silent.

    A defect, such as a record that cannot be formatted, is shown.
    """
    if not isinstance(sys.exc_info()[1], OSError):
        _show_defect(handler, record)

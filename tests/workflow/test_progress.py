"""Progress: a bar on a terminal, a log record every ten seconds elsewhere."""

import io
import logging

from pipeline.workflow.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_says_how_far_how_long_and_what_failed(caplog):
    caplog.set_level(logging.INFO, "pipeline")
    now = iter([0.0, 10.0, 20.0, 30.0, 40.0])
    progress = Progress("measure", 4, io.StringIO(), lambda: next(now))
    for failed in (False, True, False, False):
        progress.step(failed)
    assert caplog.messages == [
        "measure 1/4, 00:10, 00:30 left",
        "measure 2/4, 1 failed, 00:20, 00:20 left",
        "measure 3/4, 1 failed, 00:30, 00:10 left",
        "measure 4/4, 1 failed, 00:40",
    ]


def test_elsewhere_than_on_a_terminal_there_is_a_line_every_ten_seconds_and_one_at_the_end(caplog):
    caplog.set_level(logging.INFO, "pipeline")
    now = iter([0.0, 4.0, 9.0, 13.0, 14.0, 15.0])
    progress = Progress("measure", 5, io.StringIO(), lambda: next(now))
    for _ in range(5):
        progress.step()
    assert caplog.messages == ["measure 3/5, 00:13, 00:08 left", "measure 5/5, 00:15"]


def test_on_a_terminal_there_is_a_bar_and_no_record(caplog):
    caplog.set_level(logging.INFO, "pipeline")
    terminal = Terminal()
    progress = Progress("measure", 2, terminal)
    progress.step()
    progress.step(failed=True)
    assert "measure: 100%" in terminal.getvalue()
    assert "1 failed" in terminal.getvalue()
    assert not caplog.messages

"""Ctrl-C is noticed even where the exception that it raises is cleared on its way."""

import os
import signal

import click
import pytest

from pipeline.cli import main as command_line
from pipeline.workflow import products
from pipeline.workflow.interrupt import catch_interrupts, forget_interrupt, raise_if_interrupted
from pipeline.workflow.processes import ended_in_order


@pytest.fixture(autouse=True)
def handler():
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, before)
    forget_interrupt()


def lose_an_interrupt():
    """As C code does that clears an exception of the Python code that it called."""
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        return
    pytest.fail("Ctrl-C raised nothing")


def test_without_an_interrupt_nothing_is_raised():
    catch_interrupts()
    raise_if_interrupted()


def test_a_lost_interrupt_is_raised_again_before_the_next_product(tmp_path):
    catch_interrupts()
    lose_an_interrupt()
    with pytest.raises(KeyboardInterrupt):
        products.make(tmp_path / "x.txt", "test", {"stage": "test"}, pytest.fail)
    assert not list(tmp_path.iterdir())


def test_a_run_that_lost_its_interrupt_does_not_end_as_done(monkeypatch):
    monkeypatch.setattr(command_line, "cli", click.Command("x", callback=lose_an_interrupt))
    assert command_line.main([]) == 130


def test_an_interrupt_that_ended_the_jobs_is_not_raised_twice():
    catch_interrupts()
    with pytest.raises(KeyboardInterrupt), ended_in_order():
        os.kill(os.getpid(), signal.SIGTERM)
    raise_if_interrupted()

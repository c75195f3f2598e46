"""The command line: every command explains itself, and every way to end has its exit status."""

import logging
import os
import subprocess
import sys

import click
import pytest

import build_report
from pipeline.cli.log import LOG_FILE, log_to_file
from pipeline.cli.main import COMMANDS, cli, main
from pipeline.config.paths import ROOT
from pipeline.workflow.progress import LOGGER


def commands(group=cli, words=()):
    """Every command with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name), command


@pytest.fixture(autouse=True)
def handlers():
    """The handlers of before: a test's terminal is gone after it."""
    before = list(LOGGER.handlers)
    yield
    for handler in LOGGER.handlers:
        if handler not in before:
            handler.close()
    LOGGER.handlers[:] = before


@pytest.mark.parametrize(("words", "command"), list(commands()), ids=lambda one: str(one)[:40])
def test_every_command_and_every_option_has_a_help_text(words, command):
    assert command.help, words
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, (words, option.name)


@pytest.mark.parametrize("words", [words for words, _ in commands()], ids=" ".join)
def test_help_of_every_command_ends_well(words, capsys):
    assert main([*words, "--help"]) == 0
    assert "Usage: python -m pipeline" in capsys.readouterr().out


def test_the_list_of_commands_names_each_with_a_sentence(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for name, (_, sentence) in COMMANDS.items():
        assert name in text
        assert sentence.split()[0] in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["build", "--no-such-option"],
        ["build", "--source", "nowhere"],
        ["build", "--jobs", "0"],
        ["build", "--jobs", "two"],
        ["build", "--until", "noon"],
        ["build", "--source", "cubes"],
        ["build", "--cubes", "somewhere"],
        ["build", "--raw", "somewhere"],
        ["build", "--config", "no-such-file.toml"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_ends_with_status_2_and_a_message(arguments, capsys):
    assert main(arguments) == 2
    message = capsys.readouterr().err
    assert message
    assert "Traceback" not in message


@pytest.mark.parametrize("option", ["--config", "--previous"])
def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(tmp_path, capsys, option):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert main(["build", option, str(pipe), "--work", str(tmp_path / "work")]) == 2
    assert f"{pipe} is a pipe, a device or a socket; name a file." in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[field]\nmodes = " + 3000 * "[" + 3000 * "]", "not valid TOML"),
        ("[extraction]\nradii_px = [" + 30 * "9" + "]", "64 bits"),
        ("[field]\nname = " + 5000 * "9", "not valid TOML"),
    ],
)
def test_settings_without_end_are_refused_in_words(tmp_path, capsys, text, reason):
    path = tmp_path / "report.toml"
    path.write_text(text)
    assert main(["build", "--config", str(path), "--work", str(tmp_path / "work")]) == 2
    said = capsys.readouterr().err
    assert reason in said
    assert str(path) in said


def test_build_report_has_the_options_of_build(tmp_path, capsys):
    assert build_report.main(["--source", "cubes", "--work", str(tmp_path)]) == 2
    assert "--cubes DIR" in capsys.readouterr().err


def test_ctrl_c_ends_with_the_shells_status(monkeypatch, capsys):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(click.Group, "main", interrupted)
    assert main(["status"]) == 130
    assert "continues from here" in capsys.readouterr().err


def test_a_defect_crashes_with_its_traceback(monkeypatch):
    def broken(*_args, **_options):
        raise ZeroDivisionError

    monkeypatch.setattr(click.Group, "main", broken)
    with pytest.raises(ZeroDivisionError):
        main(["status"])


def test_log_records_have_a_time_and_quiet_leaves_warnings_only(capsys):
    assert main(["versions", "check", "no-such-site"]) == 2
    loud = capsys.readouterr().err
    assert loud[2] == loud[5] == ":"
    assert "error: " in loud
    assert main(["versions", "check", "no-such-site", "--quiet"]) == 2
    assert "error: " in capsys.readouterr().err
    LOGGER.info("not shown")
    assert capsys.readouterr().err == ""


def test_records_are_kept_in_a_file_beside_the_products(tmp_path):
    log_to_file(tmp_path)
    LOGGER.setLevel(logging.DEBUG)
    LOGGER.info("measured %d exposures", 3)
    line = (tmp_path / LOG_FILE).read_text(encoding="utf-8")
    assert line.endswith("INFO measured 3 exposures\n")
    assert line[:2] == "20"


def test_without_a_place_for_the_log_the_run_goes_on(tmp_path, caplog):
    log_to_file(tmp_path / "missing")
    assert "no log file" in caplog.text


def test_help_imports_neither_astropy_nor_parsl():
    code = (
        "import sys; from pipeline.cli.main import main; main(['--help']); "
        "sys.exit(any(name in sys.modules for name in ('astropy', 'parsl', 'photutils')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr

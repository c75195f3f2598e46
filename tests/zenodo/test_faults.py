"""What goes wrong between us and the service; and that the token is seen nowhere."""

import logging
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from keyring.backends.null import Keyring

from pipeline.cli.main import main
from pipeline.report.build import ROOT
from pipeline.zenodo.service import LIMITS
from pipeline.zenodo.token import KEYRING_SERVICE, Token
from tests.zenodo.conftest import LABEL, Desk
from tests.zenodo.server import TOKEN, Service


def test_a_refused_token_is_an_expected_failure(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZENODO_TOKEN", "another-one")
    assert desk.run("reserve") == 2
    said = capsys.readouterr().err
    assert "HTTP 401" in said
    assert "deposit:write" in said
    assert "another-one" not in said


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_service_is_asked_again(desk: Desk, service: Service, status: int) -> None:
    service.fail("POST", "depositions", "status", status=status, headers={"Retry-After": "0"})
    service.fail("POST", "depositions", "status", status=status)
    assert desk.run("reserve") == 0
    assert len(service.sent("POST")) == 3
    assert len(service.depositions) == 1


def test_the_pause_that_the_service_asks_for_is_kept(desk: Desk, service: Service) -> None:
    import time

    service.fail("GET", "depositions", "status", status=429, headers={"Retry-After": "1"})
    started = time.monotonic()
    assert desk.run("reserve") == 0
    assert time.monotonic() - started >= 1


def test_who_asks_for_too_long_a_pause_is_not_waited_for(
    desk: Desk, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    service.fail("GET", "depositions", "status", status=503, headers={"Retry-After": "7200"})
    assert desk.run("reserve") == 2
    assert "run the same command again" in capsys.readouterr().err


def test_a_silent_service_is_not_waited_for_without_end(
    desk: Desk, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    limits = replace(LIMITS, backoff_s=0.01, connect_timeout_s=1.0, read_timeout_s=0.3)
    monkeypatch.setattr("pipeline.zenodo.service.LIMITS", limits)
    service.fail("GET", "depositions", "silent", status=5)
    started = time.monotonic()
    assert desk.run("reserve") == 0
    assert time.monotonic() - started < 5


def test_a_draft_that_was_deleted_leaves_a_state_file_to_remove(
    desk: Desk, service: Service, reserved: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    reserved()
    service.depositions.clear()
    assert desk.run("reserve", "--version-label", LABEL) == 2
    assert f"remove work/zenodo-{LABEL}.json" in capsys.readouterr().err


def test_a_service_that_stays_away_ends_the_command(
    desk: Desk, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(5):
        service.fail("GET", "depositions", "break")
    assert desk.run("reserve") == 2
    assert "attempt 5 of 5" in capsys.readouterr().err


def test_a_connection_broken_within_an_upload_is_repeated(
    desk: Desk, service: Service, reserved: Any
) -> None:
    files = desk.pack(reserved())
    service.fail("PUT", "/api/files/", "break")
    assert desk.run("upload", *files) == 0
    assert len(service.contents) == 2


def test_an_interrupted_upload_goes_on_with_the_next_file(
    desk: Desk, service: Service, reserved: Any
) -> None:
    files = desk.pack(reserved())
    for _ in range(5):
        service.fail("PUT", files[1].rpartition("/")[2], "break")
    assert desk.run("upload", *files) == 2
    assert desk.run("upload", *files) == 0
    whole = [one for one in service.sent("PUT", "/api/files/") if files[0].endswith(one.path[-20:])]
    assert len(whole) == 1, "the first file is not sent again"


def test_a_draft_whose_creation_was_not_heard_of_is_found(desk: Desk, service: Service) -> None:
    service.fail("POST", "depositions", "after")
    assert desk.run("reserve", "--version-label", LABEL) == 0
    assert len(service.depositions) == 1


def test_another_checksum_in_the_response_is_an_error_and_the_next_run_mends_it(
    desk: Desk, service: Service, reserved: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    files = desk.pack(reserved())
    service.fail("PUT", "/api/files/", "checksum")
    assert desk.run("upload", *files, "--publish") == 2
    said = capsys.readouterr().err
    assert "0" * 32 in said
    assert not service.sent("POST", "publish")
    assert desk.run("upload", *files) == 0


def test_what_the_service_lists_is_compared_at_the_end(
    desk: Desk, service: Service, reserved: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    files = desk.pack(reserved())
    store = service._store

    def losing(one: Any, name: str, content: bytes) -> dict[str, Any]:
        answer = store(one, name, content)
        one["files"] = []
        return answer

    service._store = losing  # type: ignore[method-assign]
    assert desk.run("upload", *files, "--publish") == 2
    assert "another size or checksum, or not at all" in capsys.readouterr().err
    assert not service.sent("POST", "publish")


@pytest.mark.parametrize(
    ("kind", "said"),
    [("not json", "not JSON"), ("long", "more than"), ("bucket", "not sent there")],
)
def test_a_strange_response_is_an_expected_failure(
    desk: Desk,
    service: Service,
    reserved: Any,
    kind: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = desk.pack(reserved())
    service.fail("PUT", "depositions", kind)
    assert desk.run("upload", *files) == 2
    assert said in capsys.readouterr().err


def test_a_refusal_is_quoted_without_the_token(
    desk: Desk, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f'{{"message": "bad metadata", "you sent": "Bearer {TOKEN}"}}'
    service.fail("POST", "depositions", "status", status=400, text=text)
    assert desk.run("reserve") == 2
    said = capsys.readouterr().err
    assert "bad metadata" in said
    assert TOKEN not in said


def test_a_redirect_is_not_followed(desk: Desk, service: Service) -> None:
    elsewhere = {"Location": f"{service.url}/elsewhere"}
    service.fail("GET", "depositions", "status", status=302, headers=elsewhere)
    assert desk.run("reserve") == 2
    assert not service.sent("GET", "elsewhere")


@pytest.mark.parametrize(
    "server",
    [
        "http://zenodo.org",
        "ftp://zenodo.org",
        "https://me:pw@zenodo.org",
        "http://localhost:1",
        "x",
    ],
)
def test_only_https_or_this_machine(desk: Desk, server: str) -> None:
    assert desk.folder.is_dir()
    assert main(["zenodo", "reserve", "--server", server]) == 2


def test_the_token_shows_up_nowhere(
    desk: Desk,
    service: Service,
    reserved: Any,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    service.fail("POST", "depositions", "status", status=503)
    files = desk.pack(reserved())
    service.fail("PUT", "/api/files/", "break")
    service.fail("PUT", "/api/files/", "checksum")
    assert desk.run("upload", *files) == 2
    assert desk.run("upload", *files, "--dry-run") == 0
    assert desk.run("upload", *files, "--publish") == 0
    said = capsys.readouterr()
    written = b"".join(path.read_bytes() for path in desk.folder.rglob("*") if path.is_file())
    addresses = "".join(one.path for one in service.requests)
    bodies = b"".join(one.body for one in service.requests)
    seen = said.out + said.err + caplog.text + addresses + (written + bodies).decode("latin-1")
    assert TOKEN not in seen
    assert all(one.headers["Authorization"] == f"Bearer {TOKEN}" for one in service.requests)


def test_a_token_prints_as_stars() -> None:
    assert TOKEN not in f"{Token(TOKEN)!r} {Token(TOKEN)} {[Token(TOKEN)]}"


def test_a_crash_shows_no_token(service: Service) -> None:
    """Even a defect, with its traceback, in a process of its own."""
    code = (
        "import sys\nfrom pipeline.cli.main import main\n"
        "from pipeline.zenodo.service import HttpService\n"
        "HttpService._judge = lambda *a: 1 / 0\n"
        f"sys.exit(main(['zenodo', 'reserve', '--server', '{service.url}']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"ZENODO_TOKEN": TOKEN, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ZeroDivisionError" in done.stderr
    assert TOKEN not in done.stdout + done.stderr


class Ring(Keyring):
    """A keyring that knows one token."""

    priority = 1  # type: ignore[assignment]

    def get_password(self, service: str, username: str) -> str | None:
        return TOKEN if (service, username) == (KEYRING_SERVICE, "127.0.0.1") else None


def test_the_token_comes_from_the_keyring_where_there_is_no_variable(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keyring

    monkeypatch.delenv("ZENODO_TOKEN")
    before = keyring.get_keyring()
    keyring.set_keyring(Ring())
    try:
        assert desk.run("reserve") == 0
    finally:
        keyring.set_keyring(before)


def test_without_a_token_the_ways_to_give_one_are_reported(
    desk: Desk,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("ZENODO_TOKEN")
    monkeypatch.setattr("pipeline.zenodo.token._from_keyring", lambda _: "")
    assert desk.run("reserve") == 2
    assert "set ZENODO_TOKEN" in capsys.readouterr().err
    assert not service.requests


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "Å"])
def test_a_token_that_cannot_be_one_is_refused_unquoted(
    desk: Desk, token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZENODO_TOKEN", token)
    assert desk.run("reserve") == 2
    assert token not in capsys.readouterr().err


def test_a_token_cannot_be_given_as_an_option() -> None:
    assert main(["zenodo", "reserve", "--token", "x"]) == 2

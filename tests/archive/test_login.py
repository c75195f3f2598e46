"""A login only when it is needed, and nothing secret anywhere."""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordSetError

from pipeline.archive.auth import KEYRING_SERVICE, Login
from pipeline.archive.service import archive_client
from pipeline.config.settings import ArchiveSettings
from pipeline.errors import LoginFailed
from tests.archive.conftest import assert_identical
from tests.archive.server import DATA, LOGIN, TestArchive
from tests.archive.world import World

USER, PASSWORD = "tester", "s3cret-pa55"


@pytest.fixture
def credentials(monkeypatch):
    monkeypatch.setenv("ESO_USERNAME", USER)
    monkeypatch.setenv("ESO_PASSWORD", PASSWORD)


def private_world(count=1):
    world = World().night("2019-03-09", "WFM-AO-N")
    world.proprietary.update(sorted(world.needed(world.last_standard))[-count:])
    return world


def everything_written(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.usefixtures("credentials")
def test_public_files_need_no_login(workspace):
    with TestArchive(World().night("2019-03-09", "WFM-AO-N")) as archive:
        assert workspace.point_at(archive).run("retrieve") == 0
        assert archive.count(LOGIN) == 0
        assert not [head for *_, head in archive.requests if "Authorization" in head]


@pytest.mark.usefixtures("credentials")
def test_a_file_that_is_not_public_is_fetched_after_one_login(workspace, capsys, caplog):
    caplog.set_level(logging.DEBUG)
    world = private_world(5)
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve") == 0
        assert archive.count(LOGIN) == 1
        (login,) = [request for request in archive.requests if request[1].startswith(LOGIN)]
        assert login[0] == "POST"
        assert "?" not in login[1]
        secrets = [PASSWORD, *archive.tokens]
        addresses = [path for _, path, _, _ in archive.requests]
    assert_identical(workspace, world)
    said = capsys.readouterr()
    seen = said.out + said.err + caplog.text + "".join(addresses)
    seen += everything_written(workspace.folder).decode("latin-1")
    assert not [secret for secret in secrets if secret in seen]


def test_without_credentials_the_file_is_named_and_the_remedy_reported(
    workspace, capsys, monkeypatch
):
    monkeypatch.delenv("ESO_USERNAME", raising=False)
    world = private_world()
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve") == 1
    said = capsys.readouterr().err
    assert "set ESO_USERNAME" in said
    assert next(iter(world.proprietary)) in said
    assert workspace.names() == world.needed(world.last_standard) - world.proprietary


def test_a_wrong_password_is_tried_once_and_never_shown(workspace, capsys, monkeypatch):
    monkeypatch.setenv("ESO_USERNAME", USER)
    monkeypatch.setenv("ESO_PASSWORD", "wr0ng-pa55")
    with TestArchive(private_world(6)) as archive:
        assert workspace.point_at(archive).run("retrieve") == 1
        assert archive.count(LOGIN) == 1  # more could lock the account
    said = capsys.readouterr()
    assert "check the password" in said.err
    assert "wr0ng-pa55" not in said.out + said.err


class Backend(KeyringBackend):
    priority = 1

    def get_password(self, service, username):
        return PASSWORD if (service, username) == (KEYRING_SERVICE, USER) else None

    def set_password(self, *_):
        raise PasswordSetError("read-only")

    delete_password = set_password


def test_the_password_comes_from_the_keyring_if_not_from_the_environment(workspace, monkeypatch):
    import keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Backend())
    monkeypatch.setenv("ESO_USERNAME", USER)
    monkeypatch.delenv("ESO_PASSWORD", raising=False)
    try:
        with TestArchive(private_world()) as archive:
            assert workspace.point_at(archive).run("retrieve") == 0
    finally:
        keyring.set_keyring(before)


@pytest.mark.usefixtures("credentials")
def test_a_token_that_is_no_longer_accepted_is_renewed_once_per_file(workspace):
    with TestArchive(private_world(3)) as archive:
        archive.token_life_s = 30  # below the margin: no token is good for a second file
        assert workspace.point_at(archive, connections=1).run("retrieve") == 1
    with TestArchive(private_world(3)) as archive:
        archive.token_uses = 1  # then the server has forgotten it
        assert workspace.point_at(archive, connections=1).run("retrieve") == 0
        assert archive.count(LOGIN) == 3


@pytest.mark.usefixtures("credentials")
def test_a_password_file_of_the_user_is_not_read(workspace, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password x\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with TestArchive(private_world()) as archive:
        assert workspace.point_at(archive).run("retrieve") == 0
        seen = {head.get("Authorization", "")[:6] for *_, head in archive.requests}
    assert seen == {"", "Bearer"}


@pytest.mark.usefixtures("credentials")
def test_a_redirect_to_another_host_takes_neither_token_nor_password_there(workspace):
    world = private_world()
    with TestArchive(world) as archive, TestArchive(World()) as other:
        other.world = world
        archive.redirect[f"{DATA}/file/M."] = other.base
        workspace.point_at(archive, connections=1)
        workspace.run("retrieve")  # logs in for the private file
        fetched = other.count(DATA)
        archive.redirect[f"{DATA}/"] = other.base
        for path in workspace.raw.glob("*.fits*"):
            path.unlink()
        archive.redirect[LOGIN] = other.base
        assert workspace.run("retrieve") == 1  # the private file needs a login, which goes nowhere
        assert fetched == 6
        assert other.count(LOGIN) == 0
        assert not [head for *_, head in other.requests if "Authorization" in head]
        assert PASSWORD not in str(other.requests)
    assert workspace.names() == world.needed(world.last_standard) - world.proprietary


def test_a_password_goes_nowhere_without_encryption():
    settings = ArchiveSettings(login_url="http://example.org/sso/oidc/token")
    login = Login(
        archive_client(settings), settings.login_url, {"ESO_USERNAME": "a", "ESO_PASSWORD": "b"}
    )
    with pytest.raises(LoginFailed, match="https only"):
        login.log_in({})


@pytest.mark.slow
@pytest.mark.usefixtures("credentials")
def test_nothing_secret_is_in_the_arguments_of_the_process(workspace):
    world = private_world(1)
    with TestArchive(world) as archive:
        archive.faults.queue[DATA] = ["hang"] * 3
        workspace.point_at(archive, read_timeout_s=1.5)
        command = [sys.executable, "-m", "pipeline", "retrieve"]
        command += ["--config", str(workspace.config), "--work", str(workspace.work)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as run:
            seen = b""
            while run.poll() is None:
                for path in Path("/proc").glob("[0-9]*/cmdline"):
                    if path.parent.name != str(os.getpid()):
                        seen += _read(path)
                time.sleep(0.1)
        assert run.returncode == 0
        assert b"retrieve" in seen
        assert not [one for one in (PASSWORD, *archive.tokens) if one.encode() in seen]


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.usefixtures("credentials")
def test_a_service_that_takes_only_get_gets_the_password_so_and_no_log_has_it(
    workspace, capsys, caplog
):
    caplog.set_level(logging.DEBUG)
    world = private_world(2)
    with TestArchive(world) as archive:
        archive.login_takes = ("GET",)
        assert workspace.point_at(archive).run("retrieve") == 0
        logins = [request for request in archive.requests if request[1].startswith(LOGIN)]
        assert [login[0] for login in logins] == ["POST", "GET"]
        assert logins[1][2]["password"] == PASSWORD
        secrets = [PASSWORD, *archive.tokens]
    assert_identical(workspace, world)
    said = capsys.readouterr()
    seen = said.out + said.err + caplog.text
    seen += everything_written(workspace.folder).decode("latin-1")
    assert "oidc" in caplog.text  # the login itself is in the log
    assert not [secret for secret in secrets if secret in seen]


@pytest.mark.usefixtures("credentials")
def test_a_login_that_has_moved_is_said_with_its_new_address(workspace, capsys):
    with TestArchive(private_world()) as archive, TestArchive(World()) as other:
        archive.redirect[LOGIN] = other.base
        assert workspace.point_at(archive).run("retrieve") == 1
    said = capsys.readouterr().err
    assert f"has moved to {other.base}{LOGIN}/oidc/token" in said
    assert PASSWORD not in said


@pytest.mark.usefixtures("credentials")
def test_a_file_that_the_account_may_not_have_is_named_with_the_date_it_becomes_public(
    workspace, capsys
):
    world = private_world()
    (name,) = world.proprietary
    world.rows[name]["release_date"] = "2099-05-01T00:00:00Z"
    with TestArchive(world) as archive:
        archive.forbidden.add(name)
        assert workspace.point_at(archive).run("retrieve") == 1
    said = capsys.readouterr().err
    assert f"{name}: access denied, also with a login (HTTP 403)" in said
    assert "this account may not have it; proprietary until 2099-05-01" in said


def test_without_credentials_the_date_is_reported_too(workspace, capsys, monkeypatch):
    monkeypatch.delenv("ESO_USERNAME", raising=False)
    world = private_world()
    (name,) = world.proprietary
    world.rows[name]["release_date"] = "2099-05-01T00:00:00Z"
    with TestArchive(world) as archive:
        assert workspace.point_at(archive).run("retrieve") == 1
    assert "proprietary until 2099-05-01" in capsys.readouterr().err

"""Two small versions of the report, published one after the other into a repository of their own.

The first excludes fewer stars from the summaries than ``report.toml`` does, so that the second has
something to say about what changed and why.
"""

import functools
import http.server
import os
import re
import subprocess
import sys
from pathlib import Path

from pipeline.config.paths import ROOT
from pipeline.errors import ConfigError, SiteError
from pipeline.versions.branch import Branch
from pipeline.versions.deploy import deploy, previous_report
from pipeline.workflow.ownership import DEMO, empty
from pipeline.workflow.progress import say

FIRST, SECOND = "v2026.10", "v2026.11"
FIRST_SETTINGS = {"edge_margin_px": "0.0", "blend_distance_px": "4.0"}
MADE = ("repository", "first.toml", "previous.json", FIRST, SECOND, "work", "published")


def demo(folder: Path, port: int, *, serve: bool) -> None:
    """Build and publish two versions below a folder, then serve them on 127.0.0.1 until Ctrl-C.

    Raises
    ------
    WorkspaceError
        If the folder holds something that is not a demo.
    SiteError
        If a version cannot be built.
    """
    empty(folder, DEMO, (*MADE, "publish-demo"))  # the mark of older versions
    branch = Branch(folder.absolute() / "repository")
    _git("init", "--quiet", str(branch.repository))
    _git("-C", str(branch.repository), "config", "user.name", "publish-demo")
    _git("-C", str(branch.repository), "config", "user.email", "publish-demo@localhost")
    first = folder / "first.toml"
    first.write_text(_first_settings(), encoding="utf-8")
    url = f"http://127.0.0.1:{port}/"
    for label, config in ((FIRST, first), (SECOND, ROOT / "report.toml")):
        before, report = previous_report(branch)
        (folder / "previous.json").write_bytes(report)
        say(f"== {label}: built for {url}{label}/, compared with {before or 'nothing: the first'}")
        _build(folder, label, config, url)
        say(deploy(folder / label, branch))
    published = folder / "published"
    branch.export(published)
    say(
        f"== branch {branch.name} of {branch.repository} holds both; its files are in {published}\n"
        f"   {url}              leads to the newest version\n"
        f"   {url}{FIRST}/    the older one, with its banner\n"
        f"   {url}{SECOND}/#changes  what changed"
    )
    if serve:
        _serve(published, port)


def _first_settings() -> str:
    """``report.toml`` with the settings of the first version."""
    text = (ROOT / "report.toml").read_text(encoding="utf-8")
    for key, value in FIRST_SETTINGS.items():
        text, n = re.subn(rf"^{key} = \S+", f"{key} = {value}", text, flags=re.MULTILINE)
        if n != 1:
            raise ConfigError(
                f"report.toml: {key} stands there {n} times, the demo changes it once"
            )
    return text


def _build(folder: Path, label: str, config: Path, url: str) -> None:
    """The report of the record alone: no simulation, so it takes seconds of computing."""
    options = {
        "--source": "published",
        "--config": config,
        "--work": folder / "work",
        "--site": folder / label,
        "--version-label": label,
        "--site-url": url,
        "--previous": folder / "previous.json",
        "--jobs": 1,
    }
    command = [sys.executable, str(ROOT / "build_report.py")]
    command += [str(word) for option in options.items() for word in option]
    done = subprocess.run(command, check=False)
    if done.returncode != 0:
        raise SiteError(f"{label}: build_report.py ended with status {done.returncode}")


def _serve(folder: Path, port: int) -> None:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise ConfigError(f"--port {port}: {error.strerror}; choose another") from error
    say("Ctrl-C ends it")
    with server:
        server.serve_forever()


def _git(*arguments: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "GIT_DIR"}
    subprocess.run(["git", *arguments], check=True, env=environment)

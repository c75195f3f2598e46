"""Tiny finished sites: what a version must hold, and nothing else."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

ROOT_URL = "https://example.org/report/"


def finished(
    folder: Path,
    label: str = "v2026.11",
    *,
    text: str = "one",
    root_url: str = ROOT_URL,
    previous: Path | None = None,
    pages: tuple[str, ...] = ("index.html", "timelines.html"),
    padding: int = 0,
) -> Path:
    """A finished site; ``previous`` is the folder of the version before."""
    url = f"{root_url}{label}/"
    before = None
    if previous is not None:
        report = (previous / "data" / "report.json").read_bytes()
        version = json.loads(report)["version"]
        before = {"version": version, "sha256": hashlib.sha256(report).hexdigest()}
    (folder / "data").mkdir(parents=True)
    for page in pages:
        link = f'<link rel="canonical" href="{url}{page.removeprefix("index.html")}">'
        (folder / page).write_text(f"<!doctype html>{link}<p>{text}</p>")
    (folder / "404.html").write_text("<!doctype html><p>no such page</p>")
    locations = "".join(
        f"<url><loc>{url}{page.removeprefix('index.html')}</loc></url>" for page in pages
    )
    (folder / "sitemap.xml").write_text(f"<urlset>{locations}</urlset>")
    (folder / "CITATION.cff").write_text(f"version: {label}\n")
    report_json = {"version": label, "site_url": url, "previous": before, "text": text}
    (folder / "data" / "report.json").write_text(json.dumps(report_json))
    (folder / "data" / "spectra.fits").write_bytes(bytes(padding))
    return folder


def repository(folder: Path) -> Path:
    """An empty git repository in which the tests may commit."""
    git(None, "init", "--quiet", str(folder))
    git(folder, "config", "user.name", "tests")
    git(folder, "config", "user.email", "tests@localhost")
    return folder


def git(folder: Path | None, *arguments: str) -> str:
    """What git prints."""
    place = ["-C", str(folder)] if folder else []
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    done = subprocess.run(
        ["git", *place, *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


def tree(folder: Path) -> dict[str, str]:
    """Every path of the branch with git's digest of its content and its mode."""
    if not git(folder, "branch", "--list", "gh-pages"):
        return {}
    lines = git(folder, "ls-tree", "-r", "gh-pages").splitlines()
    return {line.partition("\t")[2]: line.partition("\t")[0] for line in lines}


def show(folder: Path, path: str) -> str:
    """Content of a published file."""
    return git(folder, "show", f"gh-pages:{path}")

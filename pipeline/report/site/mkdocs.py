"""From Markdown to the site: one run of mkdocs whose output is checked, swapped in whole."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pipeline.config.paths import ROOT
from pipeline.errors import SiteError, printable
from pipeline.workflow.ownership import SITE, check, put_in_place
from pipeline.workflow.processes import die_with_parent

TIME_LIMIT_S = 300  # a build takes seconds; a hung one must not hold a CI job for hours


def build_site(
    docs_dir: Path,
    site_dir: Path,
    mkdocs_config: Path = ROOT / "mkdocs.yml",
    *,
    site_url: str = "",
    epoch: int = 0,
) -> Path:
    """The folder of the finished site.

    It is built beside ``site_dir`` and takes its place in two renames, so that an interrupted
    build leaves the old site whole.

    Parameters
    ----------
    docs_dir : Path
        What ``render`` wrote.
    site_dir : Path
        Where the site shall be; a site of ours that is there is replaced.
    mkdocs_config : Path
        The configuration; it reads ``REPORT_DOCS`` and ``REPORT_SITE_URL``.
    site_url : str
        Address under which the site will be served; "" writes no canonical links.
    epoch : int
        SOURCE_DATE_EPOCH for the build; 0 keeps the environment's.

    Raises
    ------
    SiteError
        If mkdocs fails or warns, with what it said, or if the folder cannot be written.
    WorkspaceError
        If the folder holds something that is no site of ours.
    """
    site_dir = check(site_dir, SITE)
    try:
        site_dir.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{site_dir.name}.", dir=site_dir.parent))
    except OSError as error:
        raise SiteError(f"{site_dir}: cannot be written ({error.strerror})") from error
    try:
        _run_mkdocs(docs_dir.absolute(), fresh, mkdocs_config, site_url, epoch)
        fresh.chmod(0o755)  # mkdtemp makes folders that a web server may not read
        put_in_place(fresh, site_dir, SITE)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return site_dir


def _run_mkdocs(docs_dir: Path, target: Path, config: Path, site_url: str, epoch: int) -> None:
    environment = {
        **os.environ,
        "REPORT_DOCS": str(docs_dir),
        "REPORT_SITE_URL": site_url,
        "NO_MKDOCS_2_WARNING": "1",  # the theme's banner about its end of life; we pin it
        "PYTHONWARNINGS": "ignore",  # those of the theme's dependencies are not ours
    }
    if epoch:
        environment["SOURCE_DATE_EPOCH"] = str(epoch)
    # never --quiet: it also silences the warnings that --strict counts
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean"]
    command += ["--config-file", str(config), "--site-dir", str(target)]
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
            check=False,
            preexec_fn=die_with_parent,
        )
    except subprocess.TimeoutExpired as error:
        raise SiteError(f"mkdocs did not end within {TIME_LIMIT_S} s") from error
    said = done.stdout + done.stderr
    for folder in (target, docs_dir, config):  # a name may hold a newline, which ends no message
        said = said.replace(str(folder), printable(folder.name))
    said = said.strip()
    if done.returncode != 0:
        raise SiteError(f"mkdocs ended with status {done.returncode}:\n{said}")
    warned = [line for line in said.splitlines() if line and not line.startswith("INFO")]
    if warned:  # whatever else the theme or a plug-in says
        raise SiteError("mkdocs warned:\n" + "\n".join(warned))
    if not (target / "index.html").is_file():
        raise SiteError(f"mkdocs wrote no index.html from {docs_dir}:\n{said}")

"""Put the Plotly bundle where the site serves it: ``python -m pipeline vendor``.

The bundle is code of others and not in git. npm brings the small cartesian one, checked against
the hash in package-lock.json; where there is no npm, or no registry for it, the full one comes out
of the plotly wheel: three times the bytes, otherwise the same.
"""

import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

from pipeline.config.paths import ROOT
from pipeline.errors import SiteError

BUNDLE = Path("plotly.js-cartesian-dist-min") / "plotly-cartesian.min.js"
VENDOR = ROOT / "site_src" / "assets" / "vendor"
TARGET = "plotly.min.js"
NPM_TIME_LIMIT_S = 300


def vendor(root: Path = ROOT, target: Path = VENDOR) -> str:
    """What was put into ``target``, in one sentence; calling it again changes nothing.

    Raises
    ------
    SiteError
        If what npm brings is not what package-lock.json promises, or if nothing can be written.
    """
    bundle = root / "node_modules" / BUNDLE
    npm = shutil.which("npm")
    failure = _npm_ci(npm, root) if npm else "npm is not installed"
    if bundle.is_file() and not failure:
        said = "Plotly's cartesian bundle, from npm"
        content = bundle.read_bytes()
    else:
        said = f"Plotly's full bundle, from the plotly wheel ({failure})"
        content = (resources.files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    try:
        target.mkdir(parents=True, exist_ok=True)
        place = target / TARGET
        if not (place.is_file() and place.read_bytes() == content):
            part = place.with_suffix(".part")
            part.write_bytes(content)
            part.replace(place)
    except OSError as error:
        raise SiteError(f"{target}: cannot be written ({error.strerror})") from error
    return f"{said}: {len(content) / 1e6:.1f} MB"


def bundle_path() -> Path:
    """The bundle, put in place if it is missing."""
    place = VENDOR / TARGET
    if not place.is_file():
        vendor()
    return place


def _npm_ci(npm: str, root: Path) -> str:
    """Install exactly what the lock file names, unless that was done; returns why not, or ""."""
    lock, installed = root / "package-lock.json", root / "node_modules" / ".package-lock.json"
    if installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return ""
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(
            command,
            cwd=root,
            capture_output=True,
            text=True,
            timeout=NPM_TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"npm ci did not end within {NPM_TIME_LIMIT_S} s"
    said = done.stderr.strip()
    if "EINTEGRITY" in said:
        raise SiteError(f"npm brought another file than package-lock.json promises:\n{said}")
    first = said.splitlines()[0] if said else "no message"
    return "" if done.returncode == 0 else f"npm ci ended with status {done.returncode}: {first}"


if __name__ == "__main__":
    try:
        print(vendor())
    except SiteError as error:
        sys.exit(f"error: {error}")

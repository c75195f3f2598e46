"""Fifty versions in a local repository: their size, git's, and whether the fiftieth takes longer.

Every version is the given finished site under its own label, with other data: the digits of every
number in its figures and text tables are drawn anew, and what is compressed or binary is replaced
by as many random bytes, which git cannot squeeze. So the size of the repository is an upper bound.
"""

import argparse
import gc
import json
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import numpy as np

from pipeline.versions.branch import Branch
from pipeline.versions.deploy import deploy
from pipeline.versions.site import read_site

BINARY = (".gz", ".fits")
TEXT = (".html", ".xml", ".json", ".cff", ".md", ".ecsv", ".svg", ".js")
VARIED = ("data/", "assets/figures/")  # what other data would change
_DIGIT = re.compile(rb"(?<=\.\d\d)\d+")  # decimals from the third on
LIMIT_BYTES = 500e6
LIMIT_RATIO = 2.0


def labels(count: int) -> list[str]:
    """Labels, one a month."""
    return [f"v{2026 + month // 12}.{month % 12 + 1:02}" for month in range(count)]


def variant(source: dict[str, bytes], old: str, label: str, previous: dict[str, str], seed: int,
            target: Path) -> None:  # fmt: skip
    """Write the site under another label and with other data."""
    rng = np.random.default_rng(seed)
    for path, content in source.items():
        if path.startswith(VARIED) and path.endswith(BINARY):
            content = rng.bytes(len(content))
        elif path.endswith(TEXT) and not path.startswith("assets/javascripts/"):
            content = content.replace(old.encode(), label.encode())
            if path.startswith(VARIED) and path != "data/report.json":
                digits = rng.integers(48, 58, len(content), dtype=np.uint8).tobytes()
                content = _DIGIT.sub(
                    lambda at, digits=digits: digits[at.start() : at.end()], content
                )
        if path == "data/report.json":
            report = json.loads(content)
            report["previous"] = previous or None
            content = json.dumps(report, indent=1).encode()
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(content)


def timed(site: Path, branch: Branch) -> tuple[float, float]:
    """Wall and CPU seconds of one deploy, git's included."""
    gc.collect()
    wall, cpu = time.monotonic(), cpu_s()
    deploy(site, branch)
    return time.monotonic() - wall, cpu_s() - cpu


def cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def git(repository: Path, *words: str) -> str:
    """What git prints."""
    command = ["git", "-C", str(repository), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def git_mb(repository: Path) -> float:
    """Size of the repository's folder."""
    files = (path for path in (repository / ".git").rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files) / 1e6


def main() -> None:
    """Publish the versions one after the other and print what they take."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path, help="a finished site with a --site-url")
    parser.add_argument("--versions", type=int, default=50)
    parser.add_argument("--scratch", type=Path, help="for a temporary folder of some 3 GB")
    options = parser.parse_args()
    original = read_site(options.site)
    scratch = Path(tempfile.mkdtemp(prefix="publication-", dir=options.scratch))
    try:
        branch = Branch(scratch / "repository")
        subprocess.run(["git", "init", "--quiet", str(branch.repository)], check=True)
        for key in ("user.name", "user.email"):
            git(branch.repository, "config", key, "benchmark")
        walls, cpus, sizes = [], [], []
        previous: dict[str, str] = {}
        for seed, label in enumerate(labels(options.versions)):
            site = scratch / "site"
            shutil.rmtree(site, ignore_errors=True)
            variant(dict(original.files), original.label, label, previous, seed, site)
            wall, cpu = timed(site, branch)
            report = (site / "data" / "report.json").read_bytes()
            previous = {"version": label, "sha256": sha256(report).hexdigest()}
            walls.append(wall)
            cpus.append(cpu)
            sizes.append(sum(p.stat().st_size for p in site.rglob("*") if p.is_file()) / 1e6)
        tell(branch, walls, cpus, sizes)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def tell(branch: Branch, walls: list[float], cpus: list[float], sizes: list[float]) -> None:
    """Print the table and whether the limits hold."""
    listed = git(branch.repository, "ls-tree", "-r", "-l", "gh-pages").splitlines()
    total = sum(int(line.split()[3]) for line in listed)
    before = git_mb(branch.repository)
    git(branch.repository, "gc", "--quiet", "--prune=now")
    ends = [statistics.median(part) for part in (cpus[:5], cpus[-5:])]
    print(f"| versions | {len(sizes)} |")
    print(f"| MB of one, smallest to largest | {min(sizes):.2f} to {max(sizes):.2f} |")
    print(f"| published together, MB, files | {total / 1e6:.0f}, {len(listed)} |")
    print(
        f"| repository, MB: as deployed, after git gc | {before:.0f}, {git_mb(branch.repository):.0f} |"
    )
    print(f"| first deploy, CPU s (wall) | {cpus[0]:.2f} ({walls[0]:.2f}) |")
    print(f"| last deploy, CPU s (wall) | {cpus[-1]:.2f} ({walls[-1]:.2f}) |")
    print(f"| last / first, CPU (wall) | {cpus[-1] / cpus[0]:.2f} ({walls[-1] / walls[0]:.2f}) |")
    print(f"| median of the last five / of the first five, CPU | {ends[1] / ends[0]:.2f} |")
    holds = total < LIMIT_BYTES and cpus[-1] < LIMIT_RATIO * cpus[0]
    print(
        f"limits, {LIMIT_BYTES / 1e6:.0f} MB and {LIMIT_RATIO:g} x: {'hold' if holds else 'BROKEN'}"
    )


if __name__ == "__main__":
    main()

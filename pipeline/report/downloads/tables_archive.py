"""All tables of a version in one file, which the build itself makes: no release is needed to have it."""

import hashlib
import lzma
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.report.build import BuildInfo
from pipeline.report.downloads.download import Download, write_file
from pipeline.report.downloads.packing import PROJECT, seconds_of, tar_of
from pipeline.report.text import slug

PRESET = 6 | lzma.PRESET_EXTREME
# Left out: they are most of the bytes. Ratios follow from the photometry, where there is one; the fluxes
# that a simulation put in are for tests of the method.
RATIOS, PHOTOMETRY, TRUE_FLUXES = "timelines", "photometry", "truth_fluxes"
MOST_BYTES = 20_000_000  # of text before it is packed; what is larger has files of its own
READ = "tar -xf {name}"
SUMS = "SHA256SUMS"


def write_tables_archive(
    root: Path, downloads: Mapping[tuple[str, str], Sequence[Download]], build: BuildInfo
) -> Download:
    """The tables as ECSV, the headline numbers and the citation; the same tables, the same bytes.

    Parameters
    ----------
    root : Path
        Where the files of ``downloads`` are.
    """
    kept: list[Download] = []
    left_out: list[Download] = []
    total = 0
    for (campaign, table), one in _by_size(downloads):
        total += one.n_bytes
        follows = table == RATIOS and (campaign, PHOTOMETRY) in downloads
        out = follows or table == TRUE_FLUXES or total > MOST_BYTES
        (left_out if out else kept).append(one)
    content = {one.path: (root / one.path).read_bytes() for one in kept}
    lines = [f"{hashlib.sha256(content[path]).hexdigest()}  {path}\n" for path in sorted(content)]
    content[SUMS] = "".join(lines).encode()
    name = f"{PROJECT}-{slug(build.version_label)}-tables"
    packed = lzma.compress(tar_of(content, name, seconds_of(build.date)), preset=PRESET)
    missing = ", ".join(sorted(one.name for one in left_out))
    return write_file(root, f"data/{name}.tar.xz", packed, "tar.xz", READ, missing)


def _by_size(
    downloads: Mapping[tuple[str, str], Sequence[Download]],
) -> list[tuple[tuple[str, str], Download]]:
    """Tables as text, headline numbers and citation, the smallest first."""
    found = [
        (key, one)
        for key, files in downloads.items()
        for one in files
        if one.path.endswith((".ecsv", ".json", ".cff"))
    ]
    return sorted(found, key=lambda item: (item[1].n_bytes, item[1].path))

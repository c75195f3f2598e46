"""A file that readers can download."""

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Download:
    """One file under the site's data folder."""

    label: str  # "ECSV"
    path: str  # relative to the site's root
    n_bytes: int
    sha256: str
    reads: str  # one line of Python that reads it
    left_out: str = ""  # what is not in it, to keep it small

    @property
    def name(self) -> str:
        """Its name in the folder."""
        return self.path.rpartition("/")[2]


def write_file(
    root: Path, path: str, content: bytes, label: str, reads: str, left_out: str = ""
) -> Download:
    """Write a download and say what it is."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    name = Path(path).name
    digest = hashlib.sha256(content).hexdigest()
    return Download(label, path, len(content), digest, reads.format(name=name), left_out)

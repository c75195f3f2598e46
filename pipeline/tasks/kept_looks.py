"""What was seen of each cube of a folder, so that a file that did not change is not opened again.

A file counts as unchanged while its size, the time of its last change and that of its inode are those
of the look. One that changed right before the look is looked at again: a clock that ticks a hundred
times a second cannot tell two changes within a tick.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.config.exposure_table import Declared
from pipeline.muse.exposure import Exposure
from pipeline.tasks.entry import InputExposure
from pipeline.tasks.job import FINGERPRINTS, file_state
from pipeline.workflow.products import atomic_file, code_digest, digest

CODE = (
    "pipeline/muse",
    "pipeline/config",
    "pipeline/tasks/inputs.py",
    "pipeline/tasks/entry.py",
    "pipeline/tasks/kept_looks.py",
)
SETTLED_NS = 2_000_000_000  # since the last change, before a look is kept
_ODD = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
)  # a file of another version, or damaged


class KeptLooks:
    """Entries of the cubes of a folder, kept between runs.

    Parameters
    ----------
    path : Path
        The file that keeps them; if it cannot be read, or is of other code or settings, nothing is
        known.
    shaping : object
        What beside the files shapes an entry: fields and settings, as a JSON value.
    """

    def __init__(self, path: Path, shaping: object) -> None:
        self._path, self._new = path, False
        self._key = digest([code_digest(*CODE), shaping])
        self._files: dict[str, dict[str, Any]] = {}
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["key"] == self._key:
                self._files = dict(kept["files"])
                FINGERPRINTS.update(
                    {
                        (Path(name), tuple(look["state"])): str(look["fingerprint"])
                        for name, look in self._files.items()
                        if look["fingerprint"]
                    }
                )
        except _ODD:
            self._files = {}

    def find(
        self, path: Path, label: str, declared: Declared
    ) -> tuple[InputExposure, int | None] | None:
        """The entry of a file and the number of its field; None if it must be looked at."""
        look = self._files.get(str(path))
        try:
            if look is None or look["state"] != list(file_state(path)):
                return None
            if (look["label"], look["declared"]) != (label, digest(declared)):
                return None
            exposure = Exposure(**look["exposure"])
            return (
                InputExposure(
                    exposure.exposure_id,
                    exposure,
                    None,
                    path,
                    declared=tuple((key, value) for key, value in look["said"]),
                    note=look["note"],
                ),
                look["field"],
            )
        except _ODD:
            return None

    def keep(
        self, path: Path, label: str, declared: Declared, seen: tuple[InputExposure, int | None]
    ) -> None:
        """Remember what was seen of a file that can be used; a reason against it is found anew."""
        entry, number = seen
        self._files.pop(str(path), None)
        if entry.error is not None or entry.exposure is None:
            return
        state = file_state(path)
        if time.time_ns() - max(state[1:]) < SETTLED_NS:
            return
        self._files[str(path)] = {
            "state": list(state),
            "label": label,
            "declared": digest(declared),
            "said": [list(one) for one in entry.declared],
            "note": entry.note,
            "field": number,
            "exposure": asdict(entry.exposure),
            "fingerprint": "",
        }
        self._new = True

    def write(self) -> None:
        """Write them, with the fingerprints that were taken meanwhile, if anything is new."""
        for name, look in self._files.items():
            known = FINGERPRINTS.get((Path(name), tuple(look["state"])), "")
            self._new |= known != look["fingerprint"]
            look["fingerprint"] = known
        if self._new:
            document: Mapping[str, Any] = {"key": self._key, "files": self._files}
            with atomic_file(self._path) as file:
                file.write(json.dumps(document, separators=(",", ":")))
            self._new = False

"""A cache of what the headers of cubes say, so that a file that did not change is not opened again.

A file counts as unchanged while its size, the time of its last change and that of its inode are those
recorded. One that changed right before it was read is not cached: a clock that ticks a hundred times a
second cannot tell two changes within a tick.
"""

import json
import time
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
    "pipeline/tasks/cube_cache.py",
)
SETTLED_NS = 2_000_000_000  # since the last change, before a file is cached
# A cache of another version, or damaged
_ODD = (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError)


class CubeCache:
    """Entries of the cubes of a folder, kept between runs.

    Parameters
    ----------
    path : Path
        The file that keeps them; if it cannot be read, was damaged, or is of other code or settings,
        nothing is known.
    shaping : object
        What beside the files shapes an entry: fields and settings, as a JSON value.
    """

    def __init__(self, path: Path, shaping: object) -> None:
        self._path, self._new = path, False
        self._key = digest([code_digest(*CODE), shaping])
        self._files: dict[str, dict[str, Any]] = {}
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if (kept["key"], kept["digest"]) == (self._key, digest(kept["files"])):
                self._files = dict(kept["files"])
                FINGERPRINTS.update(
                    {
                        (Path(name), tuple(record["state"])): str(record["fingerprint"])
                        for name, record in self._files.items()
                        if record["fingerprint"]
                    }
                )
        except _ODD:
            self._files = {}

    def find(
        self, path: Path, label: str, declared: Declared
    ) -> tuple[InputExposure, int | None] | None:
        """The entry of a file and the number of its field; None if the file must be read."""
        record = self._files.get(str(path))
        try:
            if record is None or record["state"] != list(file_state(path)):
                return None
            if (record["label"], record["declared"]) != (label, digest(declared)):
                return None
            exposure = Exposure(**record["exposure"])
            return (
                InputExposure(
                    exposure.exposure_id,
                    exposure,
                    None,
                    path,
                    declared=tuple((key, value) for key, value in record["declared_values"]),
                    note=record["note"],
                ),
                record["field"],
            )
        except _ODD:
            return None

    def keep(
        self, path: Path, label: str, declared: Declared, seen: tuple[InputExposure, int | None]
    ) -> None:
        """Cache the entry of a file that can be used; a reason against one is found anew."""
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
            "declared_values": [list(one) for one in entry.declared],
            "note": entry.note,
            "field": number,
            "exposure": asdict(entry.exposure),
            "fingerprint": "",
        }
        self._new = True

    def write(self) -> None:
        """Write them, with the fingerprints that were taken meanwhile, if anything is new."""
        for name, record in self._files.items():
            known = FINGERPRINTS.get((Path(name), tuple(record["state"])), "")
            self._new |= known != record["fingerprint"]
            record["fingerprint"] = known
        if self._new:
            sealed = {"key": self._key, "digest": digest(self._files), "files": self._files}
            with atomic_file(self._path) as file:
                file.write(json.dumps(sealed, separators=(",", ":")))
            self._new = False

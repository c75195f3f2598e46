"""Where the archive's responses and files are kept; all are written atomically.

    raw/            <dp_id>.fits[.fz], and beside each a .json: size, sha256, address, time;
                    <dp_id>_raw2raw.xml of each standard whose files are all there
    products/       <dp_id>.fits of reduced cubes, with the same .json
    associations/   <dp_id>_raw2raw-<digest>.xml as they came: one that differs is a new file
    <campaign>/     responses/ of the catalogue, selection/ per night and mode, tables

Nothing is overwritten by something half there: files are written beside their names, then renamed.
"""

import hashlib
import io
import json
import os
import threading
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from astropy.table import Table

from pipeline.archive.selection import KeptTree, Selection, TreeRequest
from pipeline.archive.service import RAW_MODE
from pipeline.errors import AssociationRefused
from pipeline.http import HttpResponse
from pipeline.muse.association import AssociationTree, parse_tree, tree_xml

SUFFIXES = (".fits.fz", ".fits")
RECORD_VERSION = 2
PRODUCT_PREFIX = "ADP."  # identities of reduced data in the archive


@dataclass(frozen=True)
class FileRecord:
    """What is known of a file that was fetched and verified."""

    name: str  # dp_id
    size: int
    sha256: str
    url: str
    fetched: str  # UTC
    n_hdus: int
    n_checksums: int
    notes: tuple[str, ...] = ()  # what is unusual about it


class Store:
    """The archive's part of a workspace.

    Parameters
    ----------
    folder : Path
        Shared by all campaigns, so that no file is fetched twice.
    campaign : str
        Name of the campaign whose responses and selections are kept apart.
    """

    def __init__(self, folder: Path, campaign: str) -> None:
        self.raw = folder / "raw"
        self.products = folder / "products"
        self.associations = folder / "associations"
        self.campaign = folder / campaign

    def make_folders(self) -> None:
        """Make the folders that responses and files are written into."""
        places = (self.raw, self.products, self.associations, self._responses, self._selections)
        for place in places:
            place.mkdir(parents=True, exist_ok=True)

    def folder_of(self, dp_id: str) -> Path:
        """Where the file of an identity lies: reduced cubes are kept apart from raw frames."""
        return self.products if dp_id.startswith(PRODUCT_PREFIX) else self.raw

    @property
    def _responses(self) -> Path:
        return self.campaign / "responses"

    @property
    def _selections(self) -> Path:
        return self.campaign / "selection"

    def keep_response(self, response: HttpResponse, query: str) -> None:
        """Keep a table of the catalogue as it came, with its query, address and time."""
        path = self._responses / f"{_digest(query.encode())[:12]}.vot"
        write_bytes(path, response.body)
        self._write_origin(path, response, query)

    def keep_tree(self, dp_id: str, response: HttpResponse) -> KeptTree:
        """Keep an association tree as it came and read it.

        Raises
        ------
        AssociationRefused
            If it is not a tree, or unsafe; it is not kept then.
        """
        tree = parse_tree(response.body)
        path = self.associations / f"{dp_id}_raw2raw-{_digest(response.body)[:12]}.xml"
        if not path.exists():
            write_bytes(path, response.body)
            self._write_origin(path, response, dp_id)
        return KeptTree(tree, path.name)

    def write_selection(self, selection: Selection) -> None:
        """Keep a selection, and its calibrations as a tree of their own."""
        path = self._selections / f"{selection.night}_{selection.mode}"
        record = asdict(replace(selection, group=None)) | {"version": RECORD_VERSION}
        if selection.group is not None:
            write_bytes(
                path.with_suffix(".xml"), tree_xml(AssociationTree(RAW_MODE, selection.group))
            )
        else:
            path.with_suffix(".xml").unlink(missing_ok=True)
        write_json(path.with_suffix(".json"), record)

    def release(self, selection: Selection) -> None:
        """Put the tree of a standard next to its files once all have arrived: it can be reduced."""
        if selection.group is not None:
            # the reduction tells readers how the calibrations were found
            group = replace(selection.group, match=selection.way or selection.group.match)
            tree = tree_xml(AssociationTree(RAW_MODE, group))
            write_bytes(self._released(selection), tree)

    def withhold(self, selection: Selection) -> None:
        """Take the tree of a standard away: a file of it is not there."""
        self._released(selection).unlink(missing_ok=True)

    def _released(self, selection: Selection) -> Path:
        return self.raw / f"{selection.dp_id}_raw2raw.xml"

    def read_selection(self, night: str, mode: str) -> Selection | None:
        """The selection of a night and mode, None if there is none that can be read."""
        path = self._selections / f"{night}_{mode}"
        try:
            record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            if record.pop("version") != RECORD_VERSION:
                return None
            record["requests"] = tuple(TreeRequest(**one) for one in record["requests"])
            record["others"] = tuple(record["others"])
            if record["way"]:
                record["group"] = parse_tree(path.with_suffix(".xml").read_bytes()).root
            return Selection(**record)
        except (OSError, ValueError, KeyError, TypeError, AssociationRefused):
            return None

    def selections(self) -> list[Selection]:
        """Every selection of the campaign, by night and mode."""
        names = sorted(path.stem.split("_", 1) for path in self._selections.glob("*.json"))
        found = (self.read_selection(night, mode) for night, mode in names)
        return [selection for selection in found if selection is not None]

    def ready(self) -> list[tuple[Selection, Path]]:
        """The selections whose files are all in ``raw``, each with its tree there: what to reduce."""
        released = ((one, self._released(one)) for one in self.selections())
        return [(one, path) for one, path in released if path.is_file()]

    def find(self, dp_id: str) -> Path | None:
        """The fetched and verified file of an identity, None if there is none of that size."""
        for suffix in SUFFIXES:
            path = self.folder_of(dp_id) / f"{dp_id}{suffix}"
            record = read_record(path)
            if record is not None and path.is_file() and path.stat().st_size == record.size:
                return path
        return None

    def _write_origin(self, path: Path, response: HttpResponse, query: str) -> None:
        origin = {
            "query": query,
            "url": response.url,
            "status": response.status,
            "fetched": now(),
            "sha256": _digest(response.body),
        }
        write_json(path.with_name(path.name + ".json"), origin)


def read_record(path: Path) -> FileRecord | None:
    """What is known of a file, None if nothing is."""
    try:
        record = json.loads(_record_path(path).read_text(encoding="utf-8"))
        return FileRecord(**{**record, "notes": tuple(record.get("notes", ()))})
    except (OSError, ValueError, TypeError):
        return None


def write_record(path: Path, record: FileRecord) -> None:
    """Keep what is known of a file; from here on it counts as fetched."""
    write_json(_record_path(path), asdict(record))


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file that appears under its name only once it is complete and on disk."""
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically."""
    write_bytes(path, json.dumps(value, indent=1, sort_keys=True).encode() + b"\n")


def write_table(table: Table, path: Path) -> Path:
    """Write a table as ECSV atomically; returns its path."""
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    write_bytes(path, text.getvalue().encode())
    return path


def now() -> str:
    """The present, UTC, ISO, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _record_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

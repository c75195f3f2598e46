"""The metadata of a deposit: .zenodo.json of the repository with what one version adds."""

import json
from pathlib import Path
from typing import Any

from pipeline.errors import DepositRefused
from pipeline.zenodo.files import Version

REQUIRED = ("title", "upload_type", "description", "creators")


def read_metadata(path: Path) -> dict[str, Any]:
    """The metadata in a .zenodo.json file.

    Raises
    ------
    DepositRefused
        If it cannot be read, or lacks what Zenodo requires.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DepositRefused(f"{path}: no metadata ({error})") from error
    missing = [key for key in REQUIRED if not isinstance(document, dict) or not document.get(key)]
    if missing:
        raise DepositRefused(f"{path}: lacks {', '.join(missing)}, which Zenodo requires")
    return dict(document)


def metadata_of(repository: dict[str, Any], version: Version) -> dict[str, Any]:
    """The metadata of one version; what is not known of it is left out."""
    metadata = repository | {"version": version.label, "prereserve_doi": True}
    if version.date:
        metadata["publication_date"] = version.date
    if version.commit:
        metadata["notes"] = f"Built from commit {version.commit}."
    if version.url:
        served = {"identifier": version.url, "relation": "isIdenticalTo", "scheme": "url"}
        metadata["related_identifiers"] = [*repository.get("related_identifiers", ()), served]
    return metadata

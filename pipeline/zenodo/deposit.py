"""The steps of a deposit. Each may be repeated: what is done is found again, not done twice."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import DepositCorrupted, DepositRefused, DepositUnreachable
from pipeline.zenodo.api import Deposits, Draft
from pipeline.zenodo.files import LocalFile, Version

OURS = ("muse-differential-photometry-", ".tgz")  # an older version's files begin and end like this

Say = Callable[[str], None]


class State:
    """A small file that remembers which draft is a version's; it holds nothing secret."""

    def __init__(self, path: Path, server: str, label: str, *, kept: bool = True) -> None:
        self.path = path
        self._identity = {"server": server, "version": label}
        self._kept = kept

    def draft_id(self) -> str:
        """The remembered draft, "" if there is none of this server and version."""
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return ""
        except (OSError, ValueError) as error:
            raise DepositRefused(f"{self.path}: unreadable ({error}); remove it") from error
        mine = {key: document.get(key) for key in self._identity} == self._identity
        return str(document.get("id", "")) if mine else ""

    def remember(self, draft: Draft) -> None:
        """Write the draft's number and DOI atomically."""
        if not self._kept:
            return
        document = self._identity | {"id": draft.deposition_id, "doi": draft.doi}
        part = self.path.with_name(f"{self.path.name}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
            part.replace(self.path)
        except OSError as error:
            raise DepositRefused(f"{self.path}: cannot be written ({error.strerror})") from error


def find_draft(deposits: Deposits, state: State, metadata: Mapping[str, Any]) -> Draft | None:
    """The draft of this version: the remembered one, else the one of its title and version.

    Raises
    ------
    DepositRefused
        If it is published already, or two would fit.
    """
    remembered = state.draft_id()
    if remembered:
        try:
            draft = deposits.get(remembered)
        except DepositRefused as error:
            raise DepositRefused(
                f"{error}; if the draft was deleted, remove {state.path}"
            ) from None
        if draft.submitted:
            raise DepositRefused(
                f"deposition {remembered} is published ({draft.doi}); give the next version another "
                f"label, or remove {state.path}"
            )
        return draft
    wanted = metadata["title"], metadata["version"]
    fitting = [one for one in deposits.drafts() if (one.title, one.version) == wanted]
    if len(fitting) > 1:
        numbers = ", ".join(one.deposition_id for one in fitting)
        raise DepositRefused(f"drafts {numbers} are all of version {wanted[1]}; delete all but one")
    return fitting[0] if fitting else None


def reserve(
    deposits: Deposits, state: State, metadata: Mapping[str, Any], concept: str, say: Say
) -> Draft:
    """A draft with a reserved DOI, found or made.

    Parameters
    ----------
    concept : str
        Concept record whose new version it is; "" begins a record of its own.
    """
    draft = find_draft(deposits, state, metadata)
    if draft is None and concept:
        draft = deposits.describe(deposits.new_version(deposits.latest_of(concept)), metadata)
        say(f"draft {draft.deposition_id} of a new version of {concept}")
    elif draft is None:
        try:
            draft = deposits.create(metadata)
        except DepositUnreachable:
            # the service may have made it before the connection broke
            draft = find_draft(deposits, state, metadata)
            if draft is None:
                raise
        say(f"draft {draft.deposition_id}")
    else:
        say(f"draft {draft.deposition_id} was there already")
    if not draft.doi:
        raise DepositRefused(f"draft {draft.deposition_id}: the service reserved no DOI for it")
    state.remember(draft)
    return draft


def upload(
    deposits: Deposits,
    state: State,
    metadata: Mapping[str, Any],
    version: Version,
    files: Sequence[LocalFile],
    say: Say,
) -> Draft:
    """The draft with metadata and exactly these files of ours, each of the checksum it has here.

    Raises
    ------
    DepositRefused
        If there is no draft, or the archives name another DOI than the reserved one.
    DepositCorrupted
        If the service holds something else than was sent.
    """
    draft = find_draft(deposits, state, metadata)
    if draft is None:
        raise DepositRefused(
            f"no draft of version {version.label}; reserve its DOI first: python -m pipeline.zenodo reserve"
        )
    if version.doi != draft.doi:
        raise DepositRefused(
            f"the archive names {version.doi or 'no DOI'}, reserved is {draft.doi}; build again with "
            f"--doi {draft.doi}, then make archive"
        )
    state.remember(draft)
    draft = deposits.describe(draft, metadata)
    wanted = {file.name: file for file in files}
    for remote in draft.files:
        if (
            remote.name not in wanted
            and remote.name.startswith(OURS[0])
            and remote.name.endswith(OURS[1])
        ):
            say(f"delete {remote.name}, of an older version")
            deposits.delete(draft, remote)
    there = {remote.name: (remote.n_bytes, remote.md5) for remote in draft.files}
    for file in files:
        if there.get(file.name) == (file.n_bytes, file.md5):
            say(f"{file.name} is there already")
            continue
        say(f"{file.name}, {file.n_bytes} bytes")
        deposits.put(draft, file)
    return _verified(deposits.get(draft.deposition_id), files)


def _verified(draft: Draft, files: Sequence[LocalFile]) -> Draft:
    there = {remote.name: (remote.n_bytes, remote.md5) for remote in draft.files}
    wrong = [file.name for file in files if there.get(file.name) != (file.n_bytes, file.md5)]
    if wrong:
        raise DepositCorrupted(
            f"draft {draft.deposition_id} lists {', '.join(wrong)} with another size or checksum, or "
            "not at all; run the same command again"
        )
    return draft


def publish(deposits: Deposits, draft: Draft) -> Draft:
    """The published record.

    Raises
    ------
    DepositRefused
        If the service does not say that it is published.
    """
    published = deposits.publish(draft)
    if not published.submitted:
        raise DepositRefused(f"draft {draft.deposition_id}: the service did not publish it")
    return published

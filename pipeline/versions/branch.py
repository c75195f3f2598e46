"""The branch of the published versions: what lies in it, and one commit that changes it."""

import contextlib
import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mike import git_utils
from mike.versions import Versions

from pipeline.errors import BranchError
from pipeline.versions.layout import VERSIONS


@dataclass(frozen=True)
class Branch:
    """A branch of a local repository, which may not exist yet."""

    repository: Path
    name: str = "gh-pages"

    @property
    def exists(self) -> bool:
        """Whether anything was ever committed to it."""
        done = self._git("rev-parse", "--verify", "--quiet", f"refs/heads/{self.name}")
        return done.returncode == 0

    @property
    def git_dir(self) -> Path:
        """The repository's own folder; a worktree shares its main one's."""
        done = self._git("rev-parse", "--path-format=absolute", "--git-common-dir")
        if done.returncode != 0:
            raise BranchError(f"{self.repository}: {_said(done)}; make one with `git init`")
        return Path(os.fsdecode(done.stdout).strip())

    def listing(self) -> dict[str, str]:
        """Every file of the branch: path -> git's digest of its content."""
        if not self.exists:
            return {}
        found = {}
        for entry in self._must("ls-tree", "-r", "-z", f"refs/heads/{self.name}").split(b"\0")[:-1]:
            about, _, path = entry.partition(b"\t")
            found[os.fsdecode(path)] = about.split()[2].decode()
        return found

    def read(self, path: str) -> bytes:
        """Content of one file."""
        return self._must("show", f"refs/heads/{self.name}:{path}")

    def versions(self, listing: Mapping[str, str]) -> Versions:
        """The list of versions."""
        if VERSIONS not in listing:
            return Versions()
        try:
            return Versions.loads(self.read(VERSIONS).decode("utf-8"))
        except (ValueError, KeyError, TypeError) as error:
            raise BranchError(
                f"{self.name}:{VERSIONS} is not a list of versions ({error}); was it edited by hand?"
            ) from error

    def digests(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """git's digests of files, as in ``listing``."""
        kind = self._must("rev-parse", "--show-object-format").decode().strip()
        return {path: blob_digest(content, kind) for path, content in files.items()}

    def follow(self, remote: str) -> None:
        """Take over what was fetched from a remote, if that is ahead.

        Raises
        ------
        BranchError
            If both have commits of their own.
        """
        with self._mike():
            git_utils.update_from_upstream(remote, self.name)

    def commit(self, message: str, written: Mapping[str, bytes], removed: Sequence[str]) -> None:
        """One commit; the branch moves once, at its end, or not at all.

        Killed at any moment, the branch is where it was: ``git fast-import`` moves it only after
        the whole of its input has come. Had it moved meanwhile, nothing is done.
        """
        self._check_committer()
        with self._mike(), git_utils.Commit(self.name, message, allow_empty=True) as commit:
            commit.delete_files(removed)
            for path, content in written.items():
                commit.add_file(git_utils.FileInfo(path, content))

    def export(self, folder: Path) -> None:
        """Write everything that is published into a folder."""
        archive = self._must("archive", "--format=tar", f"refs/heads/{self.name}")
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")

    @contextlib.contextmanager
    def _mike(self) -> Iterator[None]:
        """mike's git commands work on the current folder."""
        try:
            with contextlib.chdir(self.repository):
                yield
        except git_utils.GitError as error:
            raise BranchError(f"{self.repository}, branch {self.name}: {error}") from error

    def _check_committer(self) -> None:
        for variable, key in (("GIT_COMMITTER_NAME", "name"), ("GIT_COMMITTER_EMAIL", "email")):
            if not os.environ.get(variable) and not self._git("config", f"user.{key}").stdout:
                raise BranchError(
                    f"{self.repository}: git does not know who commits: set user.{key} with `git "
                    f"config`, or {variable}"
                )

    def _must(self, *arguments: str) -> bytes:
        done = self._git(*arguments)
        if done.returncode != 0:
            raise BranchError(f"{self.repository}, branch {self.name}: {_said(done)}")
        return done.stdout

    def _git(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                ["git", *arguments], cwd=self.repository, capture_output=True, check=False
            )
        except OSError as error:
            raise BranchError(f"{self.repository}: {error.strerror}; git is needed") from error


def blob_digest(content: bytes, kind: str) -> str:
    """The name that git gives to a content; ``kind`` is the repository's sha1 or sha256."""
    return hashlib.new(kind, b"blob %d\0" % len(content) + content).hexdigest()


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode("utf-8", "replace").strip() or f"git ended with {done.returncode}"

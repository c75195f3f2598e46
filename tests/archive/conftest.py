"""A workspace that points at a test archive, and the commands run in it."""

import json
from pathlib import Path

import pytest

from pipeline.cli.main import main


class Workspace:
    """A folder with a report.toml and a work folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.work = folder / "work"
        self.config = folder / "report.toml"

    def point_at(self, archive, text="", **changes):
        """Write a report.toml whose archive is that one; ``text`` comes before its sections."""
        lines = [
            f"{key} = {json.dumps(value)}" for key, value in archive.settings(**changes).items()
        ]
        self.config.write_text("\n".join([text, "[archive]", *lines, ""]), encoding="utf-8")
        return self

    def run(self, command, *options):
        """Exit status of a command."""
        return main([command, "--config", str(self.config), "--work", str(self.work), *options])

    @property
    def campaign(self):
        return self.work / "archive" / "ltt3218-2019"

    @property
    def raw(self):
        return self.work / "archive" / "raw"

    def names(self):
        """Identities of the files that are there under their names."""
        return {path.name.removesuffix(".fz").removesuffix(".fits") for path in self.files()}

    def files(self):
        return sorted(path for path in self.raw.iterdir() if path.suffix in (".fits", ".fz"))


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)


def assert_identical(workspace, world):
    """Whatever is there under its name is what the server has, byte by byte."""
    for path in workspace.files():
        name = path.name.removesuffix(".fz").removesuffix(".fits")
        assert path.read_bytes() == world.file(name), name

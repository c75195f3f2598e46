"""A deposit service, a site packed for it, and the command line in a folder of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.report.downloads.packing import pack
from pipeline.zenodo.service import LIMITS
from tests.zenodo.server import TOKEN, Service

LABEL = "v2026.11"


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        yield service


def packed(folder: Path, doi: str, label: str = LABEL) -> list[str]:
    """Archives of a site of a few bytes that names this DOI."""
    site = folder / "site"
    (site / "data").mkdir(parents=True, exist_ok=True)
    (site / "index.html").write_text(f"<p>{doi}</p>" + "x" * 200_000)
    (site / "data" / "t.ecsv").write_text("# data")
    cff = (
        f"cff-version: 1.2.0\nversion: {label}\ndate-released: '2026-11-23'\ncommit: {'ab' * 20}\n"
    )
    (site / "CITATION.cff").write_text(cff + (f"doi: {doi}\n" if doi else ""))
    return [str(path) for path in pack(site, folder / "dist")]


@dataclass
class Desk:
    """The command line, in a folder, against the service."""

    folder: Path
    service: Service

    def run(self, *arguments: str) -> int:
        return main(["zenodo", *arguments, "--server", self.service.url])

    def pack(self, doi: str, label: str = LABEL) -> list[str]:
        return packed(self.folder, doi, label)


@pytest.fixture
def desk(tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZENODO_TOKEN", TOKEN)
    monkeypatch.setattr("pipeline.zenodo.service.LIMITS", replace(LIMITS, backoff_s=0.01))
    return Desk(tmp_path, service)


@pytest.fixture
def reserved(desk: Desk, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Reserve a DOI; returns it."""

    def reserve(*arguments: str) -> str:
        assert desk.run("reserve", "--version-label", LABEL, *arguments) == 0
        return capsys.readouterr().out.strip()

    return reserve

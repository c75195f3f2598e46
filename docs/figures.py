"""Make every figure of the documentation anew: ``make docs-figures``.

The same inputs and versions of the libraries give the same bytes.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.config.loader import read_settings
from pipeline.config.paths import ROOT
from pipeline.report.figures.static_image import static_svg
from pipeline.report.pages.pairs import headline_figure
from pipeline.sources import PublishedRecord
from pipeline.sources.request import Request
from pipeline.workflow.executors import Workers

FOLDER = Path(__file__).parent


def figures() -> dict[str, bytes]:
    """Name and content of every figure."""
    with TemporaryDirectory() as work:
        settings = read_settings(ROOT / "report.toml")
        request = Request(
            settings, ROOT, (PublishedRecord.source,), None, None, Path(work), Workers(1), ()
        )
        record = PublishedRecord(request).results()
        return {"timelines.svg": static_svg(headline_figure(record))}


if __name__ == "__main__":
    for name, content in figures().items():
        (FOLDER / name).write_bytes(content)
        print(f"{name}: {len(content)} bytes")

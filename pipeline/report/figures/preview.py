"""The small picture that other sites show beside a link to the report."""

import io
import textwrap

import matplotlib as mpl
from matplotlib.figure import Figure as MplFigure
from PIL import Image

from pipeline.report.figures.base import Figure, merged, resolve
from pipeline.report.figures.static_image import DPI, STYLE, draw
from pipeline.report.figures.static_marks import PT_PER_PX

SIZE_PX = (600, 315)  # the shape that such previews have; drawn twice as large
SCALE = 2
TITLE_PX, SITE_PX, LINE_PX, LETTERS = 17, 11, 22, 56
HEAD_PX = 92  # above the figure
N_COLOURS = 64


def preview_png(site: str, headline: str, figure: Figure | None) -> bytes:
    """A PNG with the answer and the figure that proves it.

    Parameters
    ----------
    site, headline : str
        Name of the site, and the answer in a sentence.
    figure : Figure, optional
        The figure of the first page; left out, the words stand alone.
    """
    with mpl.rc_context({key: value for key, value in STYLE.items() if key in mpl.rcParams}):
        canvas = _canvas(figure)
        canvas.text(0.03, 1 - 20 / SIZE_PX[1], site, fontsize=SITE_PX * PT_PER_PX, color="#575c64")
        for k, line in enumerate(textwrap.wrap(headline, LETTERS)[:2]):
            canvas.text(
                0.03,
                1 - (44 + k * LINE_PX) / SIZE_PX[1],
                line,
                fontsize=TITLE_PX * PT_PER_PX,
                fontweight="bold",
                color="#14324f",
            )
        buffer = io.BytesIO()
        canvas.savefig(
            buffer, format="png", dpi=SCALE * DPI, facecolor="white", metadata={"Software": None}
        )
    return _with_few_colours(buffer.getvalue())


def _with_few_colours(png: bytes) -> bytes:
    """The picture in a third of the bytes."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(N_COLOURS).save(
        buffer, "PNG", optimize=True
    )
    return buffer.getvalue()


def _canvas(figure: Figure | None) -> MplFigure:
    if figure is None:
        return MplFigure(figsize=(SIZE_PX[0] / DPI, SIZE_PX[1] / DPI), dpi=DPI)
    layout = merged(figure.layout, {"margin": {"l": 58, "r": 20, "t": HEAD_PX, "b": 44}})
    # lines of earlier work and their names do not fit into a small picture
    layout["shapes"] = [
        one for one in layout.get("shapes", ()) if "dash" not in one.get("line", {})
    ]
    layout["annotations"] = [
        one
        for one in layout.get("annotations", ())
        if "bgcolor" not in one or one["font"].get("color") != "@muted"
    ]
    canvas, _ = draw(resolve(list(figure.data)), resolve(layout), SIZE_PX)
    return canvas

"""Figures are written by several processes, and are the same however many."""

from dataclasses import replace

import pytest

from pipeline.report.figures.base import Figure
from pipeline.report.site.rendering import write_figures


def figure(name, kind="scatter"):
    trace = {"type": kind, "x": [1, 2, 3], "y": [2.0, 1.0, 4.0], "mode": "markers", "name": "any"}
    layout = {"xaxis": {}, "yaxis": {"title": {"text": "flux"}}}
    return Figure(name, "a phrase", "a caption", "the same", [trace], layout, simulated=True)


@pytest.mark.slow
def test_workers_draw_what_one_process_draws(tmp_path):
    figures = [figure("first"), replace(figure("second"), layout={"xaxis": {"type": "log"}})]
    for jobs in (1, 2):
        (tmp_path / str(jobs)).mkdir()
        write_figures(tmp_path / str(jobs), figures, jobs)
    one = tmp_path / "1"
    names = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    expected = [
        f"{name}{end}" for name in ("first", "second") for end in ("-narrow.svg", ".js", ".svg")
    ]
    assert [path.name for path in names] == expected
    for name in names:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_figure_that_cannot_be_drawn_ends_the_report(tmp_path, jobs):
    with pytest.raises(ValueError, match="cannot draw a trace of type 'pie'"):
        write_figures(tmp_path, [figure("first"), figure("second", "pie")], jobs)

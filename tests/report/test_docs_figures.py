"""The figures of the documentation are what their command makes."""

import re
from importlib.util import module_from_spec, spec_from_file_location

import pytest

from pipeline.config.paths import ROOT

DOCS = ROOT / "docs"
TEXT = re.compile(r">([^<>]+)</text>")


@pytest.mark.slow
def test_every_figure_in_docs_is_made_by_the_command_and_says_what_it_makes_today():
    spec = spec_from_file_location("docs_figures", DOCS / "figures.py")
    command = module_from_spec(spec)
    spec.loader.exec_module(command)
    made = command.figures()
    kept = {path.name for path in DOCS.iterdir() if path.suffix in (".svg", ".png", ".jpg")}
    assert kept == set(made)
    for name, content in made.items():
        texts = TEXT.findall(content.decode())
        assert texts, name
        assert TEXT.findall((DOCS / name).read_text(encoding="utf-8")) == texts

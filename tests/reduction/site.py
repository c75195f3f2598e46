"""A folder with raw frames, a stand-in for the recipes and a place to work."""

import shlex
import stat
import sys
from collections import Counter
from pathlib import Path

from pipeline.config.settings import ReductionSettings
from pipeline.muse.association import tree_xml
from pipeline.reduction.association import RequestedStandard
from pipeline.reduction.exposures import ReductionRequest, reduce_exposures
from pipeline.reduction.runners import EsorexRunner
from pipeline.reduction.workspace import RecipeWorkspace
from tests.reduction.fake_esorex import primary
from tests.reduction.trees import OTHER, STD, standard, tree

FAKE = Path(__file__).with_name("fake_esorex.py")
ONE_CHANNEL = {"muse_bias": 2, "muse_flat": 1, "muse_wavecal": 1, "muse_scibasic": 1}
SETTINGS = ReductionSettings(channels=(12,), response="given")


class Site:
    """A folder with raw frames, stand-in recipes and a place to work."""

    def __init__(self, base: Path, monkeypatch):
        self.base = base
        self.raw, plugins = base / "raw", base / "plugins"
        self.raw.mkdir()
        (plugins / "muse-0").mkdir(parents=True)
        program = base / "esorex"
        command = shlex.join([sys.executable, "-S", "-E", str(FAKE)])
        program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IEXEC)
        self.runner = EsorexRunner(plugins, str(program))
        self.calls = base / "calls.txt"
        monkeypatch.setenv("FAKE_CALLS", str(self.calls))
        response = base / "response.fits"
        response.write_bytes(primary())
        self.settings = ReductionSettings(channels=(12,), response=str(response))
        for name in (STD, OTHER):
            for file in standard(name=name).all_files():
                self.frame(file.name)

    def frame(self, name: str, mood: str = "", target: str = "LTT3218"):
        cards = [f"HIERARCH ESO OBS TARG NAME = '{target}'", f"OBJECT  = '{name[-12:]}'"]
        cards += ["RA      = 130.3854", "DEC     = -32.9428"]
        cards += [f"FAKE    = '{mood}'"] if mood else []
        (self.raw / f"{name}.fits").write_bytes(primary(*cards))

    def reduce(self, *names: str, settings=None, work="work", factor=1.0, log=str, **workspace):
        orders = [
            ReductionRequest(
                tree_xml(tree(standard(name=name))), RequestedStandard(name, "LTT 3218")
            )
            for name in names
        ]
        self.shop = RecipeWorkspace(
            self.base / work, self.raw, runner=self.runner, time_limit_factor=factor, **workspace
        )
        return reduce_exposures(orders, self.shop, settings or self.settings, log)

    def ran(self) -> Counter:
        """How often each recipe ran since the last question."""
        counts = Counter(self.calls.read_text().split()) if self.calls.exists() else Counter()
        self.calls.unlink(missing_ok=True)
        return counts

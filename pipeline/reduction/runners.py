"""Recipes in child processes: one interface, through python-cpl or through esorex.

A child has a time limit, a folder of its own and one thread; whatever happens to it happens to it
alone. Both runners make bit-identical products (a test compares cubes).
"""

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

from pipeline.errors import RecipesMissing
from pipeline.reduction.child import LOG_NAME, Request, Running
from pipeline.reduction.recipes import INSTALL_LINE

REQUEST_NAME = "request.json"
PLUGIN_FOLDERS = ("lib/*/cpl/plugins", "lib*/cpl/plugins", "local/lib*/*plugins", "lib*/*plugins")


class EsorexRunner:
    """Recipes through the esorex program."""

    name = "esorex"

    def __init__(self, plugins: Path, program: str = "esorex") -> None:
        self.plugins, self._program = plugins, program

    def start(self, request: Request) -> Running:
        """Start a recipe."""
        sof = request.folder / "files.sof"
        sof.write_text("".join(f"{path} {tag}\n" for tag, path in request.files))
        options = [f"--{name}={value}" for name, value in _parameters(request)]
        command = [
            self._program,
            "--log-dir=.",
            f"--log-file={LOG_NAME}",
            "--msg-level=off",
            "--no-datamd5=TRUE",  # of gigabytes, and nobody reads them: our stamps hold digests
            "--no-checksum=TRUE",
            f"--recipe-dir={self.plugins}",
            request.recipe.name,
            *options,
            str(sof),
        ]
        return Running(request, command, reports_signals=False)


class PythonCplRunner:
    """Recipes through python-cpl, in a Python of their own."""

    name = "python-cpl"

    def __init__(self, plugins: Path) -> None:
        self.plugins = plugins

    def start(self, request: Request) -> Running:
        """Start a recipe."""
        content = {
            "recipe": request.recipe.name,
            "raw_tags": request.recipe.raw,
            "files": [[tag, str(path)] for tag, path in request.files],
            "parameters": dict(_parameters(request)),
            "plugins": str(self.plugins),
            "log": LOG_NAME,
        }
        (request.folder / REQUEST_NAME).write_text(json.dumps(content))
        script = Path(__file__).with_name("cpl_child.py")
        command = [sys.executable, "-P", str(script), REQUEST_NAME]
        return Running(request, command, reports_signals=True)


Runner = EsorexRunner | PythonCplRunner


def find_runner(name: str = "auto") -> Runner:
    """The runner of that name, or the best one that is installed.

    Raises
    ------
    RecipesMissing
        If the recipes or the program are not installed; the message holds the remedy.
    """
    plugins = plugin_folder()
    has_cpl = importlib.util.find_spec("cpl") is not None
    if name == "python-cpl" or (name == "auto" and has_cpl):
        if not has_cpl:
            raise RecipesMissing(
                "python-cpl is not installed: apt-get install libcpl-dev, then "
                "pip install -r requirements/reduction.txt; or choose the runner esorex"
            )
        return PythonCplRunner(plugins)
    if shutil.which("esorex") is None:
        raise RecipesMissing(f"esorex is not installed: {INSTALL_LINE}")
    return EsorexRunner(plugins)


def recipes_version(runner: Runner) -> str:
    """Version of the installed recipes: another one makes other products."""
    return os.pathsep.join(sorted(path.name for path in runner.plugins.iterdir()))


def plugin_folder() -> Path:
    """Where the recipes lie.

    Raises
    ------
    RecipesMissing
        If they are not installed.
    """
    for pattern in PLUGIN_FOLDERS:
        for folder in sorted(Path("/usr").glob(pattern)):
            if any(folder.glob("*muse*")):
                return folder
    raise RecipesMissing(f"the recipes of the MUSE pipeline are not installed: {INSTALL_LINE}")


def _parameters(request: Request) -> tuple[tuple[str, str], ...]:
    own = (("nifu", str(request.channel)),) if request.channel else ()
    return own + request.parameters

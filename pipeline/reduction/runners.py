"""Recipes in child processes: one interface, through python-cpl or through esorex.

A child has a time limit, a folder of its own and one thread; whatever happens to it happens to it
alone. Both runners make bit-identical products (a test compares cubes).
"""

import difflib
import importlib.util
import json
import re
import sys
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path

from pipeline.errors import ParameterUnknown, RecipesMissing
from pipeline.reduction.child import LOG_NAME, RecipeCall, Running
from pipeline.reduction.installation import find_installation, plugin_versions, query
from pipeline.reduction.recipes import RECIPES, parameters_of
from pipeline.reduction.statics import installed_tables

REQUEST_NAME, SOF_NAME, LINKS = "request.json", "files.sof", "inputs"
LISTED = re.compile(r"[\w./+,=@:-]{1,200}", re.ASCII)  # a path that a set-of-frames file can hold
SYSTEM = Path("/usr")  # whose CPL python-cpl is built with


class EsorexRunner:
    """Recipes through the esorex program."""

    name = "esorex"

    def __init__(
        self, plugins: Path, program: str = "esorex", version: str = "", static_dir: str = ""
    ) -> None:
        self.plugins, self._program = plugins, program
        self.version = version or _named_version(plugins)
        self._static_dir = static_dir

    def start(self, request: RecipeCall) -> Running:
        """Start a recipe."""
        lines = [
            f"{_listed(path, request.folder / LINKS / str(number))} {tag}\n"
            for number, (tag, path) in enumerate(request.files)
        ]
        (request.folder / SOF_NAME).write_text("".join(lines))
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
            SOF_NAME,  # in the folder where it runs
        ]
        return Running(request, command, reports_signals=False)

    def parameter_names(self, recipe: str) -> frozenset[str]:
        """The parameters that a recipe has, as it says itself."""
        return _parameters_of(self._program, f"--recipe-dir={self.plugins}", "--params", recipe)

    @cached_property
    def tables(self) -> Mapping[str, tuple[Path, ...]]:
        """Static tables of the installation by category."""
        return installed_tables(self.plugins, self.version, self._static_dir)


class PythonCplRunner:
    """Recipes through python-cpl, in a Python of their own."""

    name = "python-cpl"

    def __init__(self, plugins: Path, version: str = "", static_dir: str = "") -> None:
        self.plugins = plugins
        self.version = version or _named_version(plugins)
        self._static_dir = static_dir

    def start(self, request: RecipeCall) -> Running:
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
        command = [sys.executable, "-P", str(_CPL_CHILD), REQUEST_NAME]
        return Running(request, command, reports_signals=True)

    def parameter_names(self, recipe: str) -> frozenset[str]:
        """The parameters that a recipe has, as it says itself."""
        return _parameters_of(
            sys.executable, "-P", str(_CPL_CHILD), "--parameters", str(self.plugins), recipe
        )

    @cached_property
    def tables(self) -> Mapping[str, tuple[Path, ...]]:
        """Static tables of the installation by category."""
        return installed_tables(self.plugins, self.version, self._static_dir)


Runner = EsorexRunner | PythonCplRunner
_CPL_CHILD = Path(__file__).with_name("cpl_child.py")


def find_runner(name: str = "auto", recipe_dir: str = "", static_dir: str = "") -> Runner:
    """The runner of that name, or the best one that is installed.

    Parameters
    ----------
    recipe_dir : str
        Folder of the recipes (``reduction.recipe_dir``); "": they are looked for.
    static_dir : str
        Folder of static tables (``reduction.static_dir``); "": the installation's.

    Raises
    ------
    RecipesMissing
        If the recipes or the program are not installed; the message holds the remedy.
    """
    has_cpl = importlib.util.find_spec("cpl") is not None
    if name == "python-cpl" and not has_cpl:
        raise RecipesMissing(
            "python-cpl is not installed: apt-get install libcpl-dev, then "
            "pip install -r requirements/reduction.txt; or choose the runner esorex"
        )
    found = find_installation(recipe_dir)
    of_system = SYSTEM in found.plugins.parents
    if name == "python-cpl" or (name == "auto" and has_cpl and of_system):
        if not of_system:
            raise RecipesMissing(
                f"python-cpl is built with the system's CPL and cannot load {found.plugins}; "
                'choose the runner "esorex"'
            )
        return PythonCplRunner(found.plugins, found.version, static_dir)
    return EsorexRunner(found.plugins, str(found.program), found.version, static_dir)


def recipes_version(runner: Runner) -> str:
    """Version of the installed recipes ("muse-2.8.7"): another one makes other products."""
    return f"muse-{runner.version}"


def check_parameters(runner: Runner, settings: Iterable[str]) -> None:
    """Make sure that the recipes have the parameters that are going to be set.

    Parameters
    ----------
    settings : iterable of str
        ``reduction.parameters``: recipe.parameter=value.

    Raises
    ------
    ParameterUnknown
        If a recipe, or a parameter of it, does not exist in the installed version.
    """
    lines = tuple(settings)
    unknown = []
    for recipe in sorted({text.partition(".")[0] for text in lines}):
        if recipe not in RECIPES:
            unknown.append(f"{recipe} (recipes that are used: {', '.join(sorted(RECIPES))})")
            continue
        known = runner.parameter_names(recipe)
        own = [name for name, _ in parameters_of(RECIPES[recipe], lines)]
        own += ["nifu"] if RECIPES[recipe].per_channel else []
        for name in own:
            if name not in known:
                near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.5)
                hint = f" (it has {', '.join(near)})" if near else ""
                unknown.append(f"{recipe}.{name}{hint}")
    if unknown:
        raise ParameterUnknown(
            f"the recipes of {recipes_version(runner)} do not know {'; '.join(unknown)}; "
            "see [reduction] parameters"
        )


def _listed(path: Path, folder: Path) -> str:
    """A path as a set-of-frames file holds it: blanks end it there, so a link stands in for such a path.

    Parameters
    ----------
    path : Path
    folder : Path
        Of the link, in the folder where the recipe runs; made if it is needed.

    Returns
    -------
    str
        The path itself, or that of the link from where the recipe runs. The link has the file's name,
        which recipes write into headers, if that can be listed.
    """
    if LISTED.fullmatch(str(path)):
        return str(path)
    folder.mkdir(parents=True)
    link = folder / (path.name if LISTED.fullmatch(path.name) else "frame.fits")
    link.symlink_to(path.absolute())
    return str(link.relative_to(folder.parent.parent))


@lru_cache
def _parameters_of(*command: str) -> frozenset[str]:
    """Names in what a program prints as "name : value" lines."""
    printed = query(*command)
    text = printed.output.partition("Recipe Parameters")[2]
    names = [line.partition(":")[0].strip() for line in text.splitlines() if " : " in line]
    if not names:
        raise RecipesMissing(f"{' '.join(command[-2:])} lists no parameters: {printed.end}")
    return frozenset(names)


def _named_version(plugins: Path) -> str:
    """The version in the name of the folder of recipes; "unknown" if there is none."""
    versions = plugin_versions(plugins) or [plugins]
    return versions[-1].name.rpartition("-")[2] or "unknown"


def _parameters(request: RecipeCall) -> tuple[tuple[str, str], ...]:
    own = (("nifu", str(request.channel)),) if request.channel else ()
    return own + request.parameters

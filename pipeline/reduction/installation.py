"""Where the recipes are: of Debian, of ESO's kits, of Homebrew, MacPorts or conda.

Looked for in this order: the setting ``reduction.recipe_dir``, the environment
(``ESOREX_PLUGIN_DIR``), esorex's own configuration (``ESOREX_CONFIG`` or ``~/.esorex/esorex.rc``),
the place that the esorex on the path is installed in, the usual places. The program and the
recipes must be of one installation: both load its CPL, and another one's crashes or, worse, does not.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.errors import RecipesMissing
from pipeline.reduction.recipes import INSTALL_LINE

# Of folders that hold one folder of recipes a version, within a prefix
PLUGIN_FOLDERS = (
    *("lib/esopipes-plugins", "lib64/esopipes-plugins", "lib/*/esopipes-plugins"),
    *("lib/*/cpl/plugins", "lib/cpl/plugins", "lib64/cpl/plugins"),
)
# Of the static tables of a version, within a prefix; ESO's kits have calib, packages share
STATIC_FOLDERS = (
    *("calib/muse-{version}*", "share/esopipes/datastatic/muse-{version}*"),
    *("share/esopipes/muse-{version}*", "share/cpl-plugin-muse-calib*"),
)
PREFIXES = ("/usr", "/usr/local", "/opt/homebrew", "/opt/local", "/home/linuxbrew/.linuxbrew")
PROBE = "muse_bias"  # a recipe that every version has
QUERY_TIMEOUT_S = 60
_VERSION = re.compile(r"(\d+(?:\.\d+)+)")
_CONFIGURED = re.compile(r"^\s*esorex\.caller\.recipe-dir\s*=\s*(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Installation:
    """One installation of the recipes of MUSE."""

    program: Path  # esorex
    plugins: Path  # folder of the recipes of one version
    version: str  # as the recipes say, for example "2.8.7"
    found_by: str  # setting, environment, configuration, path, usual place


def find_installation(
    recipe_dir: str = "", environment: Mapping[str, str] | None = None
) -> Installation:
    """The recipes that a reduction uses, with the program that runs them.

    Parameters
    ----------
    recipe_dir : str
        ``reduction.recipe_dir``: the folder of the recipes, or one above it; "": look for it.
    environment : mapping of str to str or None
        Environment variables; None: those of this process.

    Raises
    ------
    RecipesMissing
        If there are none, or program and recipes are not of one installation; the message holds
        the remedy.
    """
    variables = os.environ if environment is None else environment
    for found_by, folder in _places(recipe_dir, variables):
        versions = plugin_versions(folder)
        if versions:
            plugins = versions[-1]  # an upgrade leaves the older one beside it
            program = _program_of(plugins, variables)
            return Installation(program, plugins, _checked_version(program, plugins), found_by)
        if found_by == "setting":
            raise RecipesMissing(
                f"reduction.recipe_dir = {recipe_dir!r}: no recipes of MUSE in it (muse_bias.so)"
            )
    raise RecipesMissing(
        f"the recipes of the MUSE pipeline are not installed: {INSTALL_LINE}; where they are "
        "elsewhere, set reduction.recipe_dir to the folder that holds muse_bias.so"
    )


def plugin_versions(folder: Path) -> list[Path]:
    """The folders of recipes in a folder, itself included, the newest version last."""
    candidates = [folder, *(path for path in folder.glob("*") if path.is_dir())]
    return sorted(
        (path for path in candidates if any(path.glob(f"{PROBE}.*"))),
        key=lambda path: (_version_key(path.name), str(path)),
    )


def static_folders(plugins: Path, version: str) -> list[Path]:
    """Where the installation with these recipes has static tables of their version."""
    found = []
    for prefix in _library_prefixes(plugins):
        for pattern in STATIC_FOLDERS:
            found += sorted(prefix.glob(pattern.format(version=version)))
    return list(dict.fromkeys(found))


def _places(recipe_dir: str, variables: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """How and where to look for recipes, the most explicit first."""
    if recipe_dir:
        yield "setting", Path(recipe_dir).expanduser()
    for text in filter(None, variables.get("ESOREX_PLUGIN_DIR", "").split(os.pathsep)):
        yield "environment", Path(text)
    for text in _configured(variables):
        yield "configuration", Path(text)
    program = shutil.which("esorex", path=variables.get("PATH"))
    near = [("path", prefix) for prefix in _program_prefixes(Path(program))] if program else []
    usual = [variables.get("CONDA_PREFIX", ""), variables.get("HOMEBREW_PREFIX", ""), *PREFIXES]
    for found_by, prefix in [*near, *(("usual place", Path(text)) for text in usual if text)]:
        for pattern in PLUGIN_FOLDERS:
            for folder in sorted(prefix.glob(pattern)):
                yield found_by, folder


def _configured(variables: Mapping[str, str]) -> list[str]:
    """The recipe folders in esorex's own configuration."""
    home = variables.get("HOME", "")
    named = variables.get("ESOREX_CONFIG", "")
    path = Path(named) if named else Path(home or "/nonexistent") / ".esorex" / "esorex.rc"
    try:
        match = _CONFIGURED.search(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return []
    return [text for text in match[1].split(":") if text] if match else []


def _program_prefixes(program: Path) -> list[Path]:
    """The prefixes of a program in PREFIX/bin: as it is called, and where the link leads."""
    return list(dict.fromkeys(one.parent.parent for one in (program.absolute(), program.resolve())))


def _library_prefixes(plugins: Path) -> list[Path]:
    """The prefixes of a folder somewhere in PREFIX/lib: as it is called, and where links lead."""
    found = []
    for path in (plugins.absolute(), plugins.resolve()):
        inner = [parent for parent in path.parents if parent.name in ("lib", "lib64")]
        found += [inner[0].parent] if inner else []
    return list(dict.fromkeys(found))


def _program_of(plugins: Path, variables: Mapping[str, str]) -> Path:
    """The esorex of the installation that has these recipes."""
    for prefix in _library_prefixes(plugins):
        program = prefix / "bin" / "esorex"
        if program.is_file() and os.access(program, os.X_OK):
            return program
    other = shutil.which("esorex", path=variables.get("PATH"))
    if other is None:
        raise RecipesMissing(f"esorex is not installed: {INSTALL_LINE}")
    raise RecipesMissing(
        f"esorex is {other}, the recipes are in {plugins}: they are of different installations and "
        "would load each other's libraries; install esorex beside them, or set "
        "reduction.recipe_dir to recipes of the installation that has esorex"
    )


def _checked_version(program: Path, plugins: Path) -> str:
    version = probed_version(program, plugins)
    named = _VERSION.search(plugins.name)
    if named and not version.startswith(named[1]) and not named[1].startswith(version):
        raise RecipesMissing(
            f"{plugins} holds recipes of version {version}: versions are mixed in it; "
            "install the pipeline anew, or set reduction.recipe_dir to a folder of one version"
        )
    return version


@lru_cache
def probed_version(program: Path, plugins: Path) -> str:
    """The version that the recipes themselves report.

    Raises
    ------
    RecipesMissing
        If the program cannot load them.
    """
    printed = query(str(program), f"--recipe-dir={plugins}", "--man-page", PROBE)
    match = re.search(rf"{PROBE}\s+--\s+version\s+(\S+)", printed.output)
    if match is None:
        raise RecipesMissing(f"{program} does not load the recipes in {plugins}: {printed.end}")
    return match[1]


@dataclass(frozen=True)
class Printed:
    """What a program printed."""

    output: str
    errors: str

    @property
    def end(self) -> str:
        """The last of it, for a message."""
        return (self.output + self.errors).strip()[-300:]


def query(*command: str) -> Printed:
    """What a program of the recipes prints when it is asked about itself.

    Raises
    ------
    RecipesMissing
        If it cannot be started, or does not end within a minute.
    """
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=QUERY_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RecipesMissing(f"{command[0]} does not run: {error}") from error
    return Printed(done.stdout, done.stderr)


def _version_key(name: str) -> tuple[int, ...]:
    match = _VERSION.search(name)
    return tuple(map(int, match[1].split("."))) if match else ()

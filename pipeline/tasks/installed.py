"""The recipes and static tables that are installed on this machine."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.config.settings import ReductionSettings
from pipeline.errors import RecipesMissing
from pipeline.reduction.runners import Runner, check_parameters, find_runner, recipes_version


def runner_of(settings: ReductionSettings) -> Runner:
    """What runs the recipes.

    Raises
    ------
    RecipesMissing
        If there are none.
    """
    return find_runner(settings.runner, settings.recipe_dir, settings.static_dir)


def installed_tables(settings: ReductionSettings) -> Mapping[str, Sequence[Path]] | None:
    """Static tables of the installed recipes by category, None where none are installed."""
    try:
        return runner_of(settings).tables
    except RecipesMissing:
        return None


def installed_recipes(settings: ReductionSettings) -> list[str]:
    """Which recipes and static tables a reduction would use, as text.

    Raises
    ------
    RecipesMissing
        If there are none.
    ParameterUnknown
        If they lack a parameter that the settings give them.
    """
    runner = runner_of(settings)
    check_parameters(runner, settings.parameters)
    tables = [f"  {tag}: {len(paths)} installed" for tag, paths in runner.tables.items()]
    return [
        f"recipes: {recipes_version(runner)} in {runner.plugins}, run by {runner.name}",
        *(tables or ["  no static tables are installed: trees must have them"]),
    ]

"""What recipes leave behind of an exposure, made up."""

from typing import Any

from pipeline.schema.reduction_log import ReductionLog, summed_up


def reductions(ids: list[str], text: str) -> dict[str, ReductionLog]:
    """Logs of two exposures: one with a cube, one that failed with that text."""
    flats = tuple(recipe_record("muse_flat", channel, text) for channel in (12, 13))
    cube = recipe_record("muse_scipost", 0, text)
    failed = {**cube, "error_type": "RecipeFailed", "error": text, "products": {}, "qc": {}}
    good, bad = ids
    return {
        good: summed_up((*flats, cube), ("this exposure defines the grid",)),
        bad: summed_up((*flats, failed), (), f"RecipeFailed: {text}"),
    }


def recipe_record(recipe: str, channel: int, text: str) -> dict[str, Any]:
    """What is kept of one call of a recipe."""
    short = recipe.removeprefix("muse_")
    return {
        "call": f"{short}-0123456789-{channel:02d}",
        "recipe": recipe,
        "channel": channel,
        "runner": "esorex",
        "provenance": {"pipeline": "muse/2.8.7", "recipe": recipe, "library": "cpl-7.2.3"},
        "parameters": {"nsum": "16"},
        "inputs": {"000 FLAT MUSE.x": "ab" * 32, "001 MASTER_BIAS bias-0123456789-12": "cd" * 32},
        "products": {"MASTER_FLAT": ["MASTER_FLAT.fits"]},
        "qc": {f"ESO QC SLICE{n} WIDTH": 76.0 + n + channel for n in (1, 2)} | {"ESO QC X": text},
        "warnings": [text],
        "wall_s": 12.5,
        "cpu_s": 11.0,
        "peak_rss_mb": 890.0,
        "size_mb": 202.0,
        "error_type": "",
        "error": "",
    }

"""The recipes of the study: what each takes and what it makes (``cost`` has what it takes of a machine)."""

from dataclasses import dataclass

PACKAGES = ("esorex", "cpl-plugin-muse")  # of Debian and Ubuntu
INSTALL_LINE = "apt-get install --no-install-recommends " + " ".join(PACKAGES)


@dataclass(frozen=True)
class Recipe:
    """One recipe; tags are those of its inputs and products."""

    name: str
    raw: tuple[str, ...]  # tags of raw frames, the first compulsory
    needs: tuple[str, ...]  # tags of compulsory calibrations
    takes: tuple[str, ...]  # tags of optional calibrations
    makes: tuple[str, ...]  # tags of the products that must come out
    per_channel: bool  # called for one channel at a time
    min_raw: int = 1


_BASIC = ("MASTER_BIAS", "MASTER_FLAT", "TRACE_TABLE", "WAVECAL_TABLE", "GEOMETRY_TABLE")

BIAS = Recipe("muse_bias", ("BIAS",), (), ("BADPIX_TABLE",), ("MASTER_BIAS",), True, 3)
FLAT = Recipe(
    "muse_flat",
    ("FLAT",),
    ("MASTER_BIAS",),
    ("BADPIX_TABLE",),
    ("MASTER_FLAT", "TRACE_TABLE"),
    True,
    3,
)
WAVECAL = Recipe(
    "muse_wavecal",
    ("ARC",),
    ("MASTER_BIAS", "TRACE_TABLE", "LINE_CATALOG"),
    ("BADPIX_TABLE",),
    ("WAVECAL_TABLE",),
    True,
    3,  # one frame of each lamp
)
TWILIGHT = Recipe(
    "muse_twilight",
    ("SKYFLAT", "ILLUM"),
    _BASIC,
    ("BADPIX_TABLE", "VIGNETTING_MASK"),
    ("TWILIGHT_CUBE",),
    False,
    3,
)
SCIBASIC = Recipe(
    "muse_scibasic",
    ("STD", "ILLUM"),
    _BASIC,
    ("TWILIGHT_CUBE", "BADPIX_TABLE"),
    ("PIXTABLE_STD",),
    True,
)
STANDARD = Recipe(
    "muse_standard",
    ("PIXTABLE_STD",),
    ("EXTINCT_TABLE", "STD_FLUX_TABLE"),
    ("FILTER_LIST",),
    ("STD_RESPONSE",),
    False,
)
SCIPOST = Recipe(
    "muse_scipost",
    ("PIXTABLE_OBJECT",),
    ("EXTINCT_TABLE", "STD_RESPONSE"),
    ("STD_TELLURIC", "ASTROMETRY_WCS", "FILTER_LIST", "OUTPUT_WCS"),
    ("DATACUBE_FINAL",),
    False,
)
COMBINE = Recipe(
    "muse_scipost_combine_pixtables",
    ("PIXTABLE_OBJECT",),
    (),
    (),
    ("PIXTABLE_COMBINED",),
    False,
)
MAKE_CUBE = Recipe(
    "muse_scipost_make_cube",
    ("PIXTABLE_OBJECT",),
    (),
    ("FILTER_LIST", "OUTPUT_WCS"),
    ("DATACUBE_FINAL",),
    False,
)
RECIPES = {
    recipe.name: recipe
    for recipe in (
        *(BIAS, FLAT, WAVECAL, TWILIGHT, SCIBASIC),
        *(STANDARD, SCIPOST, COMBINE, MAKE_CUBE),
    )
}


def parameters_of(recipe: Recipe, settings: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The non-default parameters of a recipe, sorted, from "recipe.parameter=value" lines."""
    prefix = recipe.name + "."
    pairs = [
        text.removeprefix(prefix).split("=", 1) for text in settings if text.startswith(prefix)
    ]
    return tuple(sorted((name, value) for name, value in pairs))

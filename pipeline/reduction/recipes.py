"""The recipes of the study: what each takes, what it makes, and what it may cost.

Measured with muse 2.8.7 on one core (see benchmarks/reduction); time limits leave a factor of
twenty, because the machine may be busy and because the one thing they must catch is a recipe that
never ends (muse_wavecal can).
"""

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
    time_limit_s: float = 600.0  # of one call; for all channels where not per_channel
    memory_mb: float = 1500.0  # peak of one call, and ...
    memory_mb_per_channel: float = 0.0  # ... what every channel adds where not per_channel

    def memory_for(self, n_channels: int) -> float:
        """Peak memory of a call [MB]."""
        return self.memory_mb + self.memory_mb_per_channel * n_channels


_BASIC = ("MASTER_BIAS", "MASTER_FLAT", "TRACE_TABLE", "WAVECAL_TABLE", "GEOMETRY_TABLE")

BIAS = Recipe(
    "muse_bias", ("BIAS",), (), ("BADPIX_TABLE",), ("MASTER_BIAS",), True, 3, memory_mb=1000
)
FLAT = Recipe(
    "muse_flat",
    ("FLAT",),
    ("MASTER_BIAS",),
    ("BADPIX_TABLE",),
    ("MASTER_FLAT", "TRACE_TABLE"),
    True,
    3,
    memory_mb=1000,
)
WAVECAL = Recipe(
    "muse_wavecal",
    ("ARC",),
    ("MASTER_BIAS", "TRACE_TABLE", "LINE_CATALOG"),
    ("BADPIX_TABLE",),
    ("WAVECAL_TABLE",),
    True,
    3,  # one frame of each lamp
    memory_mb=1000,
)
TWILIGHT = Recipe(
    "muse_twilight",
    ("SKYFLAT", "ILLUM"),
    _BASIC,
    ("BADPIX_TABLE", "VIGNETTING_MASK"),
    ("TWILIGHT_CUBE",),
    False,
    3,
    time_limit_s=14_400,
    memory_mb=1000,
    memory_mb_per_channel=700,
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
    time_limit_s=14_400,
    memory_mb=700,
    memory_mb_per_channel=650,
)
SCIPOST = Recipe(
    "muse_scipost",
    ("PIXTABLE_OBJECT",),
    ("EXTINCT_TABLE", "STD_RESPONSE"),
    ("STD_TELLURIC", "ASTROMETRY_WCS", "FILTER_LIST", "OUTPUT_WCS"),
    ("DATACUBE_FINAL",),
    False,
    time_limit_s=14_400,
    memory_mb=700,
    memory_mb_per_channel=1000,
)
COMBINE = Recipe(
    "muse_scipost_combine_pixtables",
    ("PIXTABLE_OBJECT",),
    (),
    (),
    ("PIXTABLE_COMBINED",),
    False,
    time_limit_s=7_200,
    memory_mb=700,
    memory_mb_per_channel=650,
)
MAKE_CUBE = Recipe(
    "muse_scipost_make_cube",
    ("PIXTABLE_OBJECT",),
    (),
    ("FILTER_LIST", "OUTPUT_WCS"),
    ("DATACUBE_FINAL",),
    False,
    time_limit_s=14_400,
    memory_mb=700,
    memory_mb_per_channel=650,
)
RECIPES = {
    recipe.name: recipe
    for recipe in (
        *(BIAS, FLAT, WAVECAL, TWILIGHT, SCIBASIC),
        *(STANDARD, SCIPOST, COMBINE, MAKE_CUBE),
    )
}
# Tags that a tree may hold although no recipe of the study reads them.
UNUSED_TAGS = (
    *("OBJECT", "DARK", "SKY", "ASTROMETRY", "SKY_LINES", "LSF_PROFILE", "MASTER_DARK"),
    *("TELLURIC_REGIONS", "RAMAN_LINES", "MASK_IMAGE", "NONLINEARITY_GAIN", "SKY_CONTINUUM"),
)
KNOWN_TAGS = frozenset(
    tag
    for recipe in RECIPES.values()
    for tag in (*recipe.raw, *recipe.needs, *recipe.takes, *recipe.makes)
) | frozenset(UNUSED_TAGS)


def parameters_of(recipe: Recipe, settings: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The non-default parameters of a recipe, sorted, from "recipe.parameter=value" lines."""
    prefix = recipe.name + "."
    pairs = [
        text.removeprefix(prefix).split("=", 1) for text in settings if text.startswith(prefix)
    ]
    return tuple(sorted((name, value) for name, value in pairs))

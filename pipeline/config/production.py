"""Where cubes come from: the simulator, and the recipes that reduce raw frames."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from pipeline.config.setting import Section, require, setting
from pipeline.muse.geometry import N_CHANNELS

# What a preset decides.
PRESET_KEYS = (
    "drift_std",
    "drift_timescale_days",
    "night_std",
    "exposure_std",
    "slice_edge_std",
    "residual_std",
    "psf_gradient",
    "sky_share",
)


@dataclass(frozen=True)
class SimulationSettings(Section):
    """The simulated campaign; see ``pipeline.simulation`` for what is always in it."""

    section: ClassVar[str] = "simulation"

    seed: int = setting(3218, "seed of all random numbers", stages=("simulate",), low=0)
    wave_step_aa: float = setting(
        25.0,
        "width of a layer; 1.25 is the instrument's own sampling",
        stages=("simulate",),
        low=1.25,
        high=50,
    )
    drift_std: float = setting(
        0.025,
        "rms over a year of one channel's response about its mean",
        stages=("simulate",),
        low=0,
    )
    drift_timescale_days: float = setting(
        60.0, "how slowly the response of a channel drifts", stages=("simulate",), above=0
    )
    night_std: float = setting(
        0.0, "scatter of one channel's response from night to night", stages=("simulate",), low=0
    )
    exposure_std: float = setting(
        0.0,
        "scatter of one channel's response from exposure to exposure",
        stages=("simulate",),
        low=0,
    )
    slice_edge_std: float = setting(
        0.0,
        "scatter from night to night of the last slice of each stack of twelve",
        stages=("simulate",),
        low=0,
        high=0.2,
    )
    residual_std: float = setting(
        0.0,
        "share of the sky that each channel keeps or loses, drawn for every exposure",
        stages=("simulate",),
        low=0,
        high=0.2,
    )
    psf_gradient: float = setting(
        0.0,
        "rms change of the FWHM from edge to edge of the field, relative, drawn for every exposure",
        stages=("simulate",),
        low=0,
        high=0.3,
    )
    variable_star: int = setting(
        0, "number of a star that varies; 0 is none", stages=("simulate",), low=0
    )
    variable_std: float = setting(
        0.2,
        "standard deviation of the variable star's ln flux",
        stages=("simulate",),
        low=0,
        high=1,
    )
    position_angles_deg: tuple[float, ...] = setting(
        (0.0,), "position angles of the field, one drawn for every exposure", stages=("simulate",)
    )
    dither_arcsec: float = setting(
        0.0,
        "half width of a square over which exposures are dithered, known to their headers",
        stages=("simulate",),
        low=0,
        high=30,
    )
    preset: str = setting(
        "",
        "a named set of responses, sky residuals and PSF gradients instead of those given here",
        stages=("simulate",),
        choices=("", "quiet", "record", "white", "red"),
    )
    offset_arcsec: float = setting(
        0.6, "rms telescope offset per axis", stages=("simulate",), low=0
    )
    sky_share: float = setting(
        0.5,
        "share of a channel's change times the sky that stays after sky subtraction",
        stages=("simulate",),
        low=0,
        high=1,
    )
    keep_cubes: bool = setting(
        False, "keep the simulated cubes after they were measured", stages=("run",)
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        defaults = {one.name: one.default for one in dataclasses.fields(self)}
        given = [name for name in PRESET_KEYS if getattr(self, name) != defaults[name]]
        require(
            not (self.preset and given),
            f"simulation.preset = {self.preset!r} sets {', '.join(given)}, too: leave them out, or "
            "the preset",
        )


@dataclass(frozen=True)
class ReductionSettings(Section):
    """How raw frames become cubes. Recipes run at their defaults but for ``parameters``."""

    section: ClassVar[str] = "reduction"

    runner: str = setting(
        "auto",
        'what runs the recipes; "auto" is "python-cpl" where it is installed, else "esorex"',
        stages=("run",),
        choices=("auto", "python-cpl", "esorex"),
    )
    recipe_dir: str = setting(
        "",
        'folder of the recipes (with muse_bias.so); "" looks where packages and kits put them',
        stages=("run",),
    )
    static_dir: str = setting(
        "",
        'folder of static tables for what trees lack; "" is that of the recipes\' installation',
        stages=("reduce",),
    )
    parameters: tuple[str, ...] = setting(
        (
            "muse_scibasic.saveimage=false",
            "muse_scipost.skymethod=simple",
            "muse_scipost.save=cube",
        ),
        "parameters that are not at the recipe's default, as recipe.parameter=value",
        stages=("reduce",),
        pattern=r"(muse_[a-z_]+)\.([a-z_]+)=([^\s=]+)",
        expected="expected recipe.parameter=value",
    )
    response: str = setting(
        "",
        'STD_RESPONSE file for all exposures; "" derives it once, from the first',
        stages=("reduce",),
        is_file=True,
    )
    channels: tuple[int, ...] = setting(
        (),
        "channels (IFUs) that are reduced; [] is all",
        stages=("reduce",),
        low=1,
        high=N_CHANNELS,
    )
    uncalibrated: bool = setting(
        False, "make the cube without flux calibration as well", stages=("reduce",)
    )
    time_limit_factor: float = setting(
        1.0, "factor on the time limits of the recipes; raise it on a slow machine",
        stages=("run",),
        above=0,
    )  # fmt: skip
    keep: bool = setting(
        False, "keep master calibrations and pixel tables (24 GB a night)", stages=("run",)
    )

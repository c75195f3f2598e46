"""Where cubes come from: the simulator, and the recipes that reduce raw frames."""

from dataclasses import dataclass
from typing import ClassVar

from pipeline.config.setting import Section, setting
from pipeline.muse.geometry import N_CHANNELS


@dataclass(frozen=True)
class SimulationSettings(Section):
    """The simulated campaign; see ``pipeline.simulation`` for what is always in it."""

    section: ClassVar[str] = "simulation"

    seed: int = setting(3218, "what all random numbers come from", stages=("simulate",), low=0)
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

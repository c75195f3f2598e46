"""What the user declares for cubes whose headers are silent, and which cubes are accepted."""

from dataclasses import dataclass
from typing import ClassVar

from pipeline.config.setting import Section, setting
from pipeline.muse.modes import MODES
from pipeline.muse.variance import ASKED, AUTO


@dataclass(frozen=True)
class CubeSettings(Section):
    """Cubes of any origin: what their headers do not say, and which are accepted."""

    section: ClassVar[str] = "cubes"

    mode: str = setting(
        "",
        "mode (ESO INS MODE) of cubes whose headers and table name none",
        stages=("selection",),
        choices=("", *MODES),
    )
    table: str = setting(
        "",
        "table of what headers do not say, a row a cube: file, mode, start (UTC), exptime_s, ra_deg, "
        'dec_deg, position_angle_deg; "" looks for exposures.ecsv or .csv beside the cubes',
        stages=("selection",),
    )
    allow_combined: bool = setting(
        False,
        "take cubes that combine several exposures as one epoch, half-way from start to end",
        stages=("selection",),
    )
    stat: str = setting(
        AUTO,
        'what STAT holds: "variance", "std" (standard deviations), "inverse" (inverse variances), or '
        '"auto": decided from header and noise',
        stages=("detect",),
        choices=(AUTO, *ASKED),
    )

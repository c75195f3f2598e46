"""Which nights the archive is asked for, where its services are, and how patient a client is."""

from dataclasses import dataclass
from typing import Any, ClassVar

from pipeline.config.setting import Section, setting

_ADDRESS = r"https?://[A-Za-z0-9.\[\]:-]+(/[^\s?#@]*)?"  # no user, no query


def _address(default: str, help: str, pattern: str = _ADDRESS) -> str:
    """A setting that holds the address of a service."""
    return setting(
        default,
        help,
        stages=("archive",),
        pattern=pattern,
        expected="an address that begins with https:// or http:// expected",
    )


def _limit(default: Any, help: str, low: float, high: float) -> Any:
    """A setting that holds a number within limits."""
    return setting(default, help, stages=("archive",), low=low, high=high)


@dataclass(frozen=True)
class ArchiveSettings(Section):
    """Which years are asked for, where, and how patiently."""

    section: ClassVar[str] = "archive"

    years: tuple[int, ...] = setting(
        (2019,),
        "years of nights, noon of 1 January to noon",
        stages=("archive",),
        low=2014,
        high=2100,
        expected="MUSE observes since 2014",
        not_empty=True,
    )
    cone_arcmin: float = _limit(
        5.0, "a standard's pointing lies this near the field's centre", 0.1, 60
    )
    neighbour_nights: int = _limit(
        3, "how far a science exposure may be that names the standard", 0, 30
    )
    max_questions: int = _limit(12, "association trees asked for per night and mode", 1, 1000)
    tap_url: str = _address("https://archive.eso.org/tap_obs", "catalogue of observations")
    calselector_url: str = _address(
        "https://archive.eso.org/calselector/v1/associations", "association trees"
    )
    data_url: str = _address("https://dataportal.eso.org/dataPortal/file/", "files")
    login_url: str = _address(
        "https://www.eso.org/sso/oidc/token", "login for files not yet public"
    )
    gaia_url: str = _address(
        "https://gea.esac.esa.int/tap-server/tap",
        'catalogue of stars; "" leaves the field stars unidentified',
        f"({_ADDRESS})?",
    )
    simbad_url: str = _address(
        "https://simbad.cds.unistra.fr/simbad/sim-tap", "positions of objects by their names"
    )
    connections: int = _limit(3, "connections at the same time to one host", 1, 8)
    attempts: int = _limit(6, "attempts, on 429, 5xx and broken connections only", 1, 20)
    backoff_s: float = _limit(
        1.0, "pause before the second attempt, doubled from attempt to attempt", 0.001, 60
    )
    connect_timeout_s: float = _limit(20.0, "longest wait for a connection", 0.1, 600)
    read_timeout_s: float = _limit(60.0, "longest silence", 0.1, 3600)
    answer_limit_s: float = _limit(600.0, "longest answer to a question", 0.1, 86_400)
    file_limit_s: float = _limit(7200.0, "longest single attempt at a file", 0.1, 86_400)
    slowest_kb_per_s: float = _limit(
        2.0, "slower than this for a read timeout counts as broken", 0, 1000
    )

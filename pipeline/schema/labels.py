"""Names of published versions, ``vYYYY.MM[.N]``, their order, and where each is served."""

import re

from pipeline.errors import ConfigError

_LABEL = re.compile(r"v(20\d\d)\.(0[1-9]|1[0-2])(?:\.([1-9]\d{0,3}))?")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~-]+)*/?")
FORM = "vYYYY.MM, or vYYYY.MM.N for a further one of that month"


def is_version(label: str) -> bool:
    """Whether the label is one that may be published."""
    return _LABEL.fullmatch(label) is not None


def order(label: str) -> tuple[int, int, int]:
    """What sorts published labels by age; v2026.11 comes before v2026.11.1."""
    match = _LABEL.fullmatch(label)
    if match is None:
        raise ValueError(f"{label!r} is not of the form {FORM}")
    return int(match[1]), int(match[2]), int(match[3] or 0)


def newest(labels: list[str], *, before: str = "") -> str:
    """The newest of the labels, or of those older than ``before``; "" if there is none."""
    older = [one for one in labels if not before or order(one) < order(before)]
    return max(older, key=order, default="")


def version_url(root_url: str, label: str) -> str:
    """Address of a version below the address of all versions; "" without one.

    Raises
    ------
    ConfigError
        If the address or the label cannot be published.
    """
    if not root_url:
        return ""
    if not _ADDRESS.fullmatch(root_url):
        raise ConfigError(
            f"--site-url {root_url!r}: the address under which all versions are served is expected, "
            "https://HOST/PATH/ without query and fragment"
        )
    if not is_version(label):
        raise ConfigError(
            f"--version-label {label!r}: a version with a --site-url is called {FORM}"
        )
    return f"{root_url.rstrip('/')}/{label}/"

"""One setting of ``report.toml``: default, limits, help, and the stages whose results it shapes.

A section is a frozen dataclass derived from ``Section`` whose fields are made with ``setting``. All
else follows from these definitions: what the loader accepts, what each mistake is told, the
settings among the ingredients of a stage's key, and the reference of settings.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast

from pipeline.errors import ConfigError

STAGES: Mapping[str, str] = {
    "archive": "asking the archive, downloading, identifying stars",
    "reduce": "raw frames to a cube",
    "simulate": "a simulated cube",
    "truth": "true fluxes of a simulated cube",
    "detect": "detection image and stars of a cube",
    "reference": "choice of the reference exposure, numbers and flags of its stars",
    "measure": "match, spectra and band fluxes of a cube",
    "statistics": "statistics of a campaign",
    "record": "statistics of the digitised record",
    "selection": "which exposures belong to the campaign; they are listed anew in every run",
    "pages": "words on the pages, which are written anew in every run",
    "run": "how a run goes about its work; affects no result",
}
UNSTAMPED = ("archive", "selection", "pages", "run")  # stages that leave no product with a key

_METADATA = "setting"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Setting:
    """Everything about a setting but its name and type."""

    help: str  # one line, for the reference of settings
    stages: tuple[str, ...]  # of STAGES
    low: float | None = None  # lowest value, inclusive; of each item of a list
    above: float | None = None  # the value must exceed this
    high: float | None = None  # highest value, inclusive
    below: float | None = None  # the value must stay under this
    choices: tuple[str, ...] = ()  # empty: any
    pattern: str = ""  # regular expression that a text must match as a whole
    expected: str = ""  # what is expected instead, for the message
    not_empty: bool = False  # of a list: at least one item
    is_file: bool = False  # names a file whose content shapes results, not its name
    renamed: tuple[str, ...] = ()  # former names, with section; accepted with a warning


def setting(
    default: _T, help: str, *, stages: Iterable[str], required: bool = False, **limits: Any
) -> _T:
    """A field of a section.

    Parameters
    ----------
    default
        The value of a key that is left out; that of the shipped ``report.toml``.
    help : str
        One line that says what the setting means.
    stages : iterable of str
        The stages whose results it shapes, names in ``STAGES``.
    required : bool
        The key must be given; ``default`` then only shows the type.
    **limits
        The other attributes of ``Setting``.
    """
    metadata = {_METADATA: Setting(help, tuple(stages), **limits)}
    unknown = set(stages) - set(STAGES)
    if unknown:
        raise ValueError(f"unknown stages {sorted(unknown)}")
    if required:
        return cast("_T", dataclasses.field(metadata=metadata))
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Section:
    """A section of ``report.toml``; its values are checked when it is made."""

    section: ClassVar[str]

    def __post_init__(self) -> None:
        for name, one in definitions(type(self)).items():
            _check(f"{self.section}.{name}", getattr(self, name), one)


def require(condition: bool, message: str) -> None:
    """Refuse a configuration with a message unless the condition holds."""
    if not condition:
        raise ConfigError(message)


def definitions(section: type[Section]) -> dict[str, Setting]:
    """The settings of a section by key, in their order."""
    return {
        field.name: field.metadata[_METADATA]
        for field in dataclasses.fields(section)
        if _METADATA in field.metadata
    }


def read_by(stage: str, *sections: Section) -> dict[str, object]:
    """The settings that shape a stage, by full name: ingredients of the stage's key.

    A setting that names a file is not among them: the caller adds the digest of the content.

    Raises
    ------
    KeyError
        If there is no such stage.
    """
    STAGES[stage]
    return {
        f"{one.section}.{name}": getattr(one, name)
        for one in sections
        for name, about in definitions(type(one)).items()
        if stage in about.stages and not about.is_file
    }


def _check(key: str, value: object, about: Setting) -> None:
    if about.not_empty:
        require(bool(value), f"{key} is empty: name at least one")
    items = value if isinstance(value, tuple) else (value,)
    for item in items:
        if isinstance(item, int | float) and not isinstance(item, bool):
            _check_number(key, item, about)
        if isinstance(item, str):
            _check_text(key, item, about)


def _check_number(key: str, value: float, about: Setting) -> None:
    tests: tuple[tuple[float | None, Callable[[float], bool]], ...] = (
        (about.low, lambda limit: value >= limit),
        (about.above, lambda limit: value > limit),
        (about.high, lambda limit: value <= limit),
        (about.below, lambda limit: value < limit),
    )
    if all(limit is None or holds(limit) for limit, holds in tests):
        return
    why = f"; {about.expected}" if about.expected else ""
    raise ConfigError(f"{key} = {value}: {_outside(about)}{why}")


def _outside(about: Setting) -> str:
    """How a message describes a number outside its limits: "outside 0 to 1", "not positive", "negative"."""
    lowest = about.low if about.low is not None else about.above
    highest = about.high if about.high is not None else about.below
    if highest is None and lowest == 0:
        return "negative" if about.low is not None else "not positive"
    if highest is None:
        return f"less than {lowest:g}"
    return f"outside {lowest:g} to {highest:g}" if lowest is not None else f"above {highest:g}"


def _check_text(key: str, value: str, about: Setting) -> None:
    if about.choices:
        *others, last = (f'"{one}"' for one in about.choices)
        known = f"{', '.join(others)} or {last}" if others else last
        require(value in about.choices, f"{key} = {value!r}: choose {known}")
    if about.pattern:
        require(
            re.fullmatch(about.pattern, value) is not None, f"{key} = {value!r}: {about.expected}"
        )

"""Reads ``report.toml``: every mistake is named with key and remedy."""

import dataclasses
import logging
import math
import tomllib
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.config.checks import check_stars
from pipeline.config.field import Field
from pipeline.config.setting import Section, definitions, require
from pipeline.config.settings import Settings
from pipeline.config.standards import find_standard
from pipeline.errors import ConfigError

Document = dict[str, typing.Any]
_S = typing.TypeVar("_S", bound=Section)
MAX_INTEGER = 2**63  # TOML 1.0: 64 bits, with a sign
_log = logging.getLogger(__name__)


def read_settings(path: Path) -> Settings:
    """The settings in a TOML file; a key that is left out has the default of ``report.toml``.

    Raises
    ------
    ConfigError
        If the file is missing or not TOML, holds an unknown key, a wrong type, a value outside
        its limits, or values that cannot work together. The message names file, key, value and
        remedy.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); give another --config"
        ) from error
    except (ValueError, RecursionError) as error:  # also of an integer of thousands of digits
        raise ConfigError(f"{path}: not valid TOML ({error})") from error
    try:
        _check_integers(document, "")
        settings = parse_settings(document)
        for one in settings.campaigns():
            check_stars(one.field, one.statistics, path.parent)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return settings


def _check_integers(value: object, key: str) -> None:
    """Refuse integers of more than 64 bits, as TOML does; Python would take them for numbers."""
    if isinstance(value, dict):
        for name, one in value.items():
            _check_integers(one, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list):
        for one in value:
            _check_integers(one, key)
    elif isinstance(value, int):
        require(abs(value) < MAX_INTEGER, f"{key}: an integer of more than 64 bits")


def parse_settings(document: Document) -> Settings:
    """The settings that a TOML document holds.

    Raises
    ------
    ConfigError
        As ``read_settings``, without the name of the file.
    """
    sections = typing.get_type_hints(Settings)
    _known(document, sections, "section")
    document = _with_present_names(document, sections)
    _choose_pairs_by_rule(document)
    _choose_mask_by_rule(document)
    return Settings(**{name: _value(document[name], sections[name], name) for name in document})


def parse_section(
    document: Document, cls: type[_S], names: Mapping[str, typing.Any] | None = None
) -> _S:
    """A section from its part of a TOML document; it may hold sections, and lists of them.

    Parameters
    ----------
    document : dict
        The keys and values of the section.
    cls : type
        A dataclass derived from ``Section``.
    names : mapping, optional
        What names in its annotations mean, beyond those of its module.

    Raises
    ------
    ConfigError
        If a key is unknown or missing, or a value has the wrong type or is outside its limits.
    """
    return typing.cast("_S", _section(document, cls, cls.section, names))


def _known(given: Iterable[str], known: Iterable[str], what: str) -> None:
    for key in given:
        require(key in known, f"unknown {what} {key!r}; known are: {', '.join(known)}")


def _with_present_names(document: Document, sections: Mapping[str, typing.Any]) -> Document:
    """The document with every renamed key under its present name; each one is warned of."""
    found = {key: dict(v) if isinstance(v, dict) else v for key, v in document.items()}
    for name, cls in sections.items():
        if not (isinstance(cls, type) and issubclass(cls, Section)):
            continue
        for key, about in definitions(cls).items():
            for old in about.renamed:
                old_section, _, old_key = old.partition(".")
                holder, target = found.get(old_section), found.setdefault(name, {})
                if not isinstance(holder, dict) or not isinstance(target, dict):
                    continue
                if old_key in holder:
                    new = f"{name}.{key}"
                    require(key not in target, f"{old} is now called {new}; both are given")
                    _log.warning("%s is now called %s; the former name still works", old, new)
                    target[key] = holder.pop(old_key)
    return {key: value for key, value in found.items() if value != {} or key in document}


def _choose_pairs_by_rule(document: Document) -> None:
    """The default pairs are star numbers of the default registry and mean nothing in another."""
    field, statistics = document.get("field", {}), document.get("statistics", {})
    if not isinstance(field, dict) or not isinstance(statistics, dict):
        return
    if "pairs" not in statistics and field.get("star_registry") not in (None, Field.star_registry):
        document["statistics"] = {**statistics, "pairs": []}


def _choose_mask_by_rule(document: Document) -> None:
    """Only where a standard star is observed is the brightest star masked unasked."""
    field, detection = document.get("field", {}), document.get("detection", {})
    if not isinstance(field, dict) or not isinstance(detection, dict) or "mask" in detection:
        return
    name = field.get("name", Field.name)
    if isinstance(name, str) and find_standard(name) is None:
        document["detection"] = {**detection, "mask": "saturated"}


def _value(value: object, kind: typing.Any, key: str) -> typing.Any:
    """The value as its declared type: sections, lists of them, lists and plain values."""
    if typing.get_origin(kind) is tuple:
        return _tuple(value, typing.get_args(kind), key)
    if isinstance(kind, type) and issubclass(kind, Section):
        return _section(value, kind, key)
    return _plain(value, kind, key)


def _section(
    value: object, cls: type[Section], name: str, names: Mapping[str, typing.Any] | None = None
) -> Section:
    require(isinstance(value, dict), f"{name} must be a section, [{name}]")
    assert isinstance(value, dict)
    hints = typing.get_type_hints(cls, localns=dict(names or {}))
    fields = {field.name: field for field in dataclasses.fields(cls)}
    _known((f"{name}.{key}" for key in value), [f"{name}.{key}" for key in fields], "key")
    for one in fields.values():
        required = one.default is one.default_factory is dataclasses.MISSING
        require(not required or one.name in value, f"{name}.{one.name} is missing")
    return cls(**{key: _value(item, hints[key], f"{name}.{key}") for key, item in value.items()})


def _tuple(value: object, args: tuple[typing.Any, ...], key: str) -> tuple[typing.Any, ...]:
    of_sections = isinstance(args[0], type) and issubclass(args[0], Section)
    wanted = f"{key} must be a list of sections, [[{key}]]" if of_sections else None
    require(isinstance(value, list), wanted or f"{key} = {value!r}: a list expected")
    assert isinstance(value, list)
    if args[-1] is not Ellipsis:
        require(len(value) == len(args), f"{key} = {value!r}: {len(args)} values expected")
    kinds = args if args[-1] is not Ellipsis else args[:1] * len(value)
    return tuple(_value(item, one, key) for item, one in zip(value, kinds, strict=True))


def _plain(value: object, kind: typing.Any, key: str) -> object:
    """A value of that type; whole numbers serve as floats."""
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    right = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    require(right, f"{key} = {value!r}: {kind.__name__} expected, not {type(value).__name__}")
    if kind is float:
        require(math.isfinite(typing.cast("float", value)), f"{key} = {value!r}: not finite")
    return value

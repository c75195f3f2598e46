"""The door through which ``report.toml`` comes in: every mistake is named with key and remedy."""

import dataclasses
import math
import tomllib
import typing
from collections.abc import Iterable
from pathlib import Path

from pipeline.config.settings import Settings, require
from pipeline.errors import ConfigError


def read_settings(path: Path) -> Settings:
    """The settings in a TOML file; a key that is left out has the default of ``report.toml``.

    Raises
    ------
    ConfigError
        If the file is missing or not TOML, holds an unknown key, a wrong type or a value outside
        its limits. The message names file, key, value and remedy.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); give another --config"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML ({error})") from error
    try:
        sections = {f.name: f.type for f in dataclasses.fields(Settings)}
        _known(document, sections, "section")
        return Settings(
            **{name: _section(name, sections[name], document[name]) for name in document}
        )
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _known(given: Iterable[str], known: Iterable[str], what: str) -> None:
    for key in given:
        require(key in known, f"unknown {what} {key!r}; known are: {', '.join(known)}")


def _section(name: str, cls: typing.Any, values: object) -> typing.Any:
    if typing.get_origin(cls) is tuple:
        require(isinstance(values, list), f"{name} must be a list of sections, [[{name}]]")
        assert isinstance(values, list)
        return tuple(_section(name, typing.get_args(cls)[0], item) for item in values)
    require(isinstance(values, dict), f"{name} must be a section, [{name}]")
    assert isinstance(values, dict)
    hints = typing.get_type_hints(cls)
    _known((f"{name}.{key}" for key in values), [f"{name}.{key}" for key in hints], "key")
    for one in dataclasses.fields(cls):
        required = one.default is one.default_factory is dataclasses.MISSING
        require(not required or one.name in values, f"{name}.{one.name} is missing")
    return cls(**{k: _typed(v, hints[k], f"{name}.{k}") for k, v in values.items()})


def _typed(value: object, kind: typing.Any, key: str) -> object:
    """The value as its declared type; whole numbers serve as floats, lists become tuples."""
    if typing.get_origin(kind) is tuple:
        require(isinstance(value, list), f"{key} = {value!r}: a list expected")
        assert isinstance(value, list)
        args = typing.get_args(kind)
        if args[-1] is not Ellipsis:
            require(len(value) == len(args), f"{key} = {value!r}: {len(args)} values expected")
        return tuple(_typed(item, args[0], key) for item in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    right = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    require(right, f"{key} = {value!r}: {kind.__name__} expected, not {type(value).__name__}")
    if kind is float:
        require(math.isfinite(typing.cast("float", value)), f"{key} = {value!r}: not finite")
    return value

"""The reference of settings, from their definitions: rows for a page, and the page as Markdown."""

import dataclasses
import math
import typing
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.config.setting import STAGES, Section, Setting, definitions
from pipeline.config.settings import Settings


@dataclass(frozen=True)
class SettingRow:
    """One setting as the reference shows it; every part is plain text."""

    section: str
    key: str
    kind: str  # number, whole number, text, true or false, list of ...
    default: str  # as TOML; "" where the key must be given or its value follows from others
    limits: str  # "" if there are none
    stages: tuple[str, ...]
    help: str
    former_names: tuple[str, ...]


def setting_rows() -> list[SettingRow]:
    """Every setting, section by section in the order of ``report.toml``."""
    return [_row(cls, field, about) for cls in section_classes() for field, about in _fields(cls)]


def section_classes() -> list[type[Section]]:
    """The classes of all sections, those of which there are several as well."""
    found = []
    for kind in typing.get_type_hints(Settings).values():
        inner = typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else kind
        found.append(inner)
    return found


def settings_markdown() -> str:
    """The reference of settings as a Markdown document: a table per section, then the stages."""
    lines = [
        "# Settings",
        "",
        "What `report.toml` may say. A key that is left out has its default.",
    ]
    for cls in section_classes():
        lines += ["", f"## {cls.section}", "", _summary(cls), ""]
        lines += [
            "| key | type | default | limits | affects | meaning |",
            "|---|---|---|---|---|---|",
        ]
        for field, about in _fields(cls):
            row = _row(cls, field, about)
            former = f" (formerly `{'`, `'.join(row.former_names)}`)" if row.former_names else ""
            cells = (
                f"`{row.key}`",
                row.kind,
                f"`{row.default}`" if row.default else "",
                row.limits,
                ", ".join(row.stages),
                row.help + former,
            )
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += ["", "## What settings affect", "", "| stage | meaning |", "|---|---|"]
    lines += [f"| {name} | {meaning} |" for name, meaning in STAGES.items()]
    return "\n".join(lines) + "\n"


def to_toml(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(to_toml(item) for item in value)}]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)


def _fields(cls: type[Section]) -> Iterator[tuple["dataclasses.Field[typing.Any]", Setting]]:
    about = definitions(cls)
    return ((field, about[field.name]) for field in dataclasses.fields(cls))


def _row(cls: type[Section], field: "dataclasses.Field[typing.Any]", about: Setting) -> SettingRow:
    kind = typing.get_type_hints(cls)[field.name]
    given = field.default is not dataclasses.MISSING
    follows = isinstance(field.default, float) and math.isnan(field.default)
    return SettingRow(
        cls.section,
        field.name,
        _kind(kind),
        to_toml(field.default) if given and not follows else "",
        _limits(about),
        about.stages,
        about.help,
        about.renamed,
    )


def _kind(kind: typing.Any) -> str:
    words = {float: "number", int: "whole number", str: "text", bool: "true or false"}
    if typing.get_origin(kind) is not tuple:
        return words[kind]
    args = typing.get_args(kind)
    if args[-1] is Ellipsis:
        return f"list of {_kind(args[0])}"
    return f"({', '.join(_kind(arg) for arg in args)})"


def _limits(about: Setting) -> str:
    parts = [
        f"{sign} {limit:g}"
        for sign, limit in (
            ("at least", about.low),
            ("above", about.above),
            ("at most", about.high),
            ("below", about.below),
        )
        if limit is not None
    ]
    if about.choices:
        parts.append("one of " + ", ".join(f'"{choice}"' for choice in about.choices))
    if about.not_empty:
        parts.append("not empty")
    return ", ".join(parts)


def _summary(cls: type[Section]) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]


if __name__ == "__main__":  # python -m pipeline.config.documentation > site_src/settings.md
    print(settings_markdown(), end="")

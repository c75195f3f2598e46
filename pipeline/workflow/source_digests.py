"""Digests of source files that do not change with prose, kept from one run to the next.

Parsing all modules takes longer than everything else that a run with nothing to do has to do. What
was parsed is kept beside Python's bytecode, under the same conditions: size and time of change.
"""

import ast
import hashlib
import json
import os
import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

_KEPT = Path("__pycache__", "digests.json")
_C_TOKENS = re.compile(
    rb"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|//[^\n]*|/\*.*?\*/""", re.DOTALL
)


def file_digests(paths: Sequence[Path]) -> list[str]:
    """The ``source_digest`` of every file, taken anew only if its size or time changed."""
    kept = {folder: _kept(folder) for folder in {path.parent for path in paths}}
    changed = set()
    for path in paths:
        status = path.stat()
        state = [status.st_size, status.st_mtime_ns]
        known = kept[path.parent]
        if path.name not in known or known[path.name][:2] != state:
            known[path.name] = [*state, source_digest(path.read_bytes(), path.suffix)]
            changed.add(path.parent)
    for folder in changed:
        _keep(folder, kept[folder])
    return [str(kept[path.parent][path.name][2]) for path in paths]


def _kept(folder: Path) -> dict[str, list[Any]]:
    """By file name: size, time [ns], digest. Empty if none are kept or what is kept is damaged."""
    try:
        record = json.loads((folder / _KEPT).read_text(encoding="utf-8"))
        rule, files = record["rule"], record["files"]
        sound = rule == _rule() and all(
            [type(part) for part in entry] == [int, int, str] for entry in files.values()
        )
        return dict(files) if sound else {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _keep(folder: Path, known: dict[str, list[Any]]) -> None:
    """Keep digests where Python keeps bytecode, if it does."""
    if sys.dont_write_bytecode or not (folder / _KEPT.parent).is_dir():
        return
    part = folder / f"{_KEPT}.{os.getpid()}.part"
    try:
        part.write_text(json.dumps({"rule": _rule(), "files": known}), encoding="utf-8")
        part.replace(folder / _KEPT)
    except OSError:  # a read-only installation: taken anew next time
        part.unlink(missing_ok=True)


@cache
def _rule() -> str:
    """What a digest depends on besides the file: this module and Python's grammar."""
    return f"{hashlib.sha256(Path(__file__).read_bytes()).hexdigest()} {sys.version}"


def source_digest(content: bytes, suffix: str) -> str:
    """Digest of a source file without prose: docstrings and comments do not count.

    Parameters
    ----------
    suffix : str
        ``.py``, or that of C. Python that cannot be parsed counts with every byte.
    """
    if suffix != ".py":
        content = _C_TOKENS.sub(lambda token: token[1] or b" ", content)
        return hashlib.sha256(content).hexdigest()
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha256(repr(_plain(tree)).encode()).hexdigest()


def _plain(node: Any) -> Any:
    """A syntax tree as nested tuples, the same in every version of Python that parses it alike."""
    if isinstance(node, list):
        return tuple(_plain(one) for one in node)
    if not isinstance(node, ast.AST):
        return node
    parts = []
    for name in node._fields:
        value = getattr(node, name, None)
        if name == "body" and isinstance(value, list):
            value = _without_docstring(value)
        if value is not None and value != [] and name != "kind":
            parts.append((name, _plain(value)))
    return (type(node).__name__, *parts)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements without those that are nothing but a text."""
    return [
        one
        for one in body
        if not (
            isinstance(one, ast.Expr)
            and isinstance(one.value, ast.Constant)
            and isinstance(one.value.value, str)
        )
    ]

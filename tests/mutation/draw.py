"""Mutations of Python source: what can be changed in a file, and a seeded draw over groups of files.

A mutation changes one comparison, one constant, one boolean, one arithmetic operator or one returned
value. Left out is what no test of behaviour can notice: annotations, docstrings and messages, the
keywords of ``zip`` and ``dataclass`` that guard against faults of the code itself, and the constants
that ``left_out`` lists with a reason for each.
"""

import ast
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.left_out import LEFT_OUT

COMPARISONS: Mapping[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
GUARDS = {"strict", "frozen", "slots", "kw_only", "repr", "stacklevel"}  # keywords


@dataclass(frozen=True)
class Mutation:
    """One change of a file: the source between two positions, and what stands there instead."""

    path: str  # below the root
    kind: str  # comparison, constant, boolean, arithmetic or return
    start: tuple[int, int]  # line from 1, column in bytes from 0
    end: tuple[int, int]
    before: str
    after: str
    functions: tuple[str, ...]  # qualified names of the functions around it, innermost first

    @property
    def name(self) -> str:
        """What tells it from all others."""
        return f"{self.path}:{self.start[0]}:{self.start[1]} {self.before} -> {self.after}"

    def applied(self, source: bytes) -> bytes:
        """The file's content with the change."""
        lines = source.splitlines(keepends=True)
        (first, left), (last, right) = self.start, self.end
        head, tail = lines[first - 1][:left], lines[last - 1][right:]
        changed = head + self.after.encode() + tail
        return b"".join([*lines[: first - 1], changed, *lines[last:]])


def mutations_of(path: Path, root: Path) -> list[Mutation]:
    """All mutations of a file, in the order of its lines."""
    source = path.read_text(encoding="utf-8")
    name = path.relative_to(root).as_posix()
    found: list[Mutation] = []

    def visit(node: ast.AST, functions: tuple[str, ...], scope: str = "") -> None:
        if isinstance(node, ast.ClassDef):
            scope = f"{scope}{node.name}."
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            own = "<lambda>" if isinstance(node, ast.Lambda) else node.name
            functions, scope = (scope + own, *functions), f"{scope}{own}.<locals>."
        for kind, changed in _changes(node):
            text = ast.unparse(changed)
            if isinstance(node, ast.expr):
                text = f"({text})"
            start, end = _span(node)
            before = ast.get_source_segment(source, node) or ""
            found.append(Mutation(name, kind, start, end, before, text, functions))
        for child in _children(node):
            visit(child, functions, scope)

    visit(ast.parse(source), ())
    return sorted(found, key=lambda one: (one.start, one.name))


def draw(
    groups: Mapping[str, list[Path]], root: Path, *, each: int, seed: int
) -> list[tuple[str, Mutation]]:
    """As many mutations of each group of files as asked for, with the group's name, groups in turn.

    Parameters
    ----------
    groups : mapping
        Name of a group, and its files.
    root : Path
        Folder that paths are relative to.
    each : int
        Mutations of a group; fewer if it has no more.
    seed : int
        The same seed and the same files: the same mutations.
    """
    drawn = []
    for number, (group, paths) in enumerate(groups.items()):
        every = [one for path in sorted(paths) for one in mutations_of(path, root)]
        chosen = random.Random(f"{seed}/{number}").sample(every, min(each, len(every)))
        drawn += [(place, number, group, one) for place, one in enumerate(chosen)]
    return [(group, one) for *_, group, one in sorted(drawn, key=lambda row: row[:2])]


def _span(node: ast.AST) -> tuple[tuple[int, int], tuple[int, int]]:
    assert isinstance(node, ast.expr | ast.stmt)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What the node itself may be changed into; what is below it is not looked at."""
    match node:
        case ast.Compare(ops=[op, *rest]):
            for other in COMPARISONS[type(op)]:
                yield "comparison", ast.Compare(node.left, [other(), *rest], node.comparators)
        case ast.Constant(value=bool() as value):
            yield "constant", ast.Constant(not value)
        case ast.Constant(value=int() as number):
            yield "constant", ast.Constant(number + 1)
        case ast.Constant(value=float() as number):
            yield "constant", ast.Constant(1.5 * number if number else 1.0)
        case ast.BoolOp(op=op):
            other_op = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield "boolean", ast.BoolOp(other_op, node.values)
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            kind = "boolean" if isinstance(node.op, ast.Not) else "arithmetic"
            yield kind, node.operand
        case ast.BinOp(op=op) if type(op) in ARITHMETIC:
            yield "arithmetic", ast.BinOp(node.left, ARITHMETIC[type(op)](), node.right)
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield "return", ast.Return(ast.Constant(None))
        case ast.IfExp():
            yield "boolean", ast.IfExp(node.test, node.orelse, node.body)


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _names(target: ast.expr) -> set[str]:
    return {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What is below a node, without annotations, messages and guards."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from (*node.args.defaults, *(one for one in node.args.kw_defaults if one))
            yield from node.body
        case ast.AnnAssign():
            yield from (node.value,) if node.value else ()
        case ast.Assign(targets=[target]) if _names(target) & LEFT_OUT.keys():
            return
        case ast.ClassDef():
            yield from node.body
        case ast.Raise() | ast.JoinedStr() | ast.Assert():
            return
        case ast.keyword() if node.arg in GUARDS:
            return
        case ast.Subscript(value=ast.Name(id=name)) if name[
            :1
        ].isupper():  # tuple[...] and the like
            return
        case _:
            yield from ast.iter_child_nodes(node)

"""The affine map between two star catalogues, or a refusal.

``kdmatch.match(reference_xy, target_xy)`` returns a `Match` or raises `NoMatch`; see ``README.md``
for the method and the false-alarm model. ``kdmatch.fixed_positions(lists)`` finds hot pixels.

The names are loaded on first use, so that ``kdmatch.build`` can compile the library where NumPy is
not installed yet, and a missing library is reported by the call that needs it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kdmatch._match import Match, NoMatch, match
    from kdmatch.fixed import FixedPositions, fixed_positions

__all__ = ["FixedPositions", "Match", "NoMatch", "__version__", "fixed_positions", "match"]
__version__ = "1.0.0"


def __getattr__(name: str) -> object:
    if name in {"Match", "NoMatch", "match"}:
        from kdmatch import _match

        return getattr(_match, name)
    if name in {"FixedPositions", "fixed_positions"}:
        from kdmatch import fixed

        return getattr(fixed, name)
    raise AttributeError(f"module 'kdmatch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

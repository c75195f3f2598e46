"""Headline pairs for a field for which none have been chosen."""

from collections.abc import Collection

from pipeline.measure.reference import ReferenceCatalogue

N_PAIRS = 4  # as many as the study has
UNKNOWN_CHANNEL = 0


def choose_pairs(
    catalogue: ReferenceCatalogue, n_pairs: int = N_PAIRS, *, left_out: Collection[int] = ()
) -> tuple[tuple[int, int], ...]:
    """Pairs of the brightest unflagged stars on different channels, by star number.

    The brightest star goes with the next brightest of another channel, then the same with those
    that are left: no star is in two pairs, so that the ratios are independent. A ratio on two
    channels shows what their responses do to each other; on one channel most of that cancels. A star
    of unknown channel goes with any.

    Parameters
    ----------
    catalogue : ReferenceCatalogue
        Flux, channel and flags decide.
    n_pairs : int
        Highest number of pairs.
    left_out : collection of star numbers
        Stars that may vary: the targets.

    Returns
    -------
    pairs : tuple of (star_1, star_2)
        The brighter star first; empty if no two unflagged stars are on different channels.
    """
    unflagged = [
        row
        for row, flags in enumerate(catalogue.flags)
        if not flags and int(catalogue.star_id[row]) not in left_out
    ]
    left = sorted(unflagged, key=lambda row: (-catalogue.flux[row], catalogue.star_id[row]))
    pairs: list[tuple[int, int]] = []
    while left and len(pairs) < n_pairs:
        first = left.pop(0)
        second = next((row for row in left if _apart(catalogue, first, row)), None)
        if second is None:
            continue  # a fainter star may still find a partner
        left.remove(second)
        pairs.append((int(catalogue.star_id[first]), int(catalogue.star_id[second])))
    return tuple(pairs)


def _apart(catalogue: ReferenceCatalogue, first: int, second: int) -> bool:
    """Whether two stars are not known to lie on one channel."""
    channels = (int(catalogue.channel[first]), int(catalogue.channel[second]))
    return UNKNOWN_CHANNEL in channels or channels[0] != channels[1]

"""Addresses of earlier versions, which stay good: where each page went."""

from collections.abc import Collection, Mapping

# Where a page of an earlier version went; of several places the first that this build has.
MOVED: Mapping[str, tuple[str, ...]] = {
    "timelines.html": ("explore.html", "pairs.html"),
    "scatter.html": ("index.html",),
    "data.html": ("exposures.html",),
    "offsets.html": ("exposures.html",),
    "detection.html": ("stars.html",),
    "snr.html": ("stars.html",),
    "comparison.html": ("evidence.html",),
}


def redirects(pages: Collection[str]) -> dict[str, str]:
    """Old address and new one of every page that moved.

    Parameters
    ----------
    pages : collection of str
        File names of this build's pages.
    """
    found = {}
    for old, places in MOVED.items():
        place = next((one for one in places if one in pages), "")
        if place and old not in pages:
            found[old] = place
    return found

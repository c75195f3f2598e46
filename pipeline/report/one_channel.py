"""Pairs of stars on one channel against pairs on different ones: what can be said, and why not more."""

from dataclasses import dataclass

import numpy as np

from pipeline.report.downloads.explore_fluxes import stars_shown
from pipeline.report.rows import pair_rows, plain
from pipeline.report.text import counted, fixed
from pipeline.report.trends import flagged_stars
from pipeline.schema.results import Results


@dataclass(frozen=True)
class ByChannel:
    """Scatter of unflagged pairs beyond photon noise [%]: medians, and how many pairs."""

    together: float
    n_together: int
    apart: float
    n_apart: int

    @property
    def sentence(self) -> str:
        """What was measured."""
        return (
            f"Measured: {counted(self.n_together, 'pair')} on one channel "
            f"{'scatters' if self.n_together == 1 else 'scatter'} by {fixed(self.together, 1)} % beyond "
            f"photon noise (median), {counted(self.n_apart, 'pair')} on different channels by "
            f"{fixed(self.apart, 1)} %."
        )


def by_channel(results: Results) -> ByChannel | None:
    """Of a campaign with photometry in which unflagged stars share a channel."""
    if "pairs" not in results.tables:
        return None
    rows, flagged = pair_rows(results), flagged_stars(results)
    excess, same = plain(rows["excess_std"]), np.asarray(rows["same_channel"], bool)
    pairs = zip(rows["star_1"].tolist(), rows["star_2"].tolist(), strict=True)
    good = np.isfinite(excess) & [not flagged & set(pair) for pair in pairs]
    together, apart = excess[good & same], excess[good & ~same]
    if not (len(together) and len(apart)):
        return None
    return ByChannel(
        100 * float(np.median(together)), len(together), 100 * float(np.median(apart)), len(apart)
    )


def why_not_modelled(results: Results) -> str:
    """Why the model has no prediction for two stars on one channel, and what was measured instead."""
    measured = by_channel(results)
    if measured:
        return (
            "The light of a star spreads over neighbouring channels: the model cannot tell the scatter of "
            f"a star from that of its channel. {measured.sentence}"
        )
    channels = _channels(results)
    known = sum(channel > 0 for channel in channels)
    if known < len(channels):
        return (
            f"The channels of {known} of {counted(len(channels), 'star')} are known and no two of them "
            "share one: the data cannot tell the scatter of a star from that of its channel."
        )
    return (
        "No two unflagged stars share a channel: the data cannot tell the scatter of a star from that of "
        "its channel."
    )


def _channels(results: Results) -> list[int]:
    """Channel of each star whose ratios are shown; 0 where it is not known."""
    catalogue = results.tables.get("catalogue")
    if catalogue is None:
        return []
    channel = dict(zip(catalogue["star_id"].tolist(), catalogue["channel"].tolist(), strict=True))
    return [int(channel.get(star, 0) or 0) for star in stars_shown(results)]

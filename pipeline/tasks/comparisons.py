"""Which apertures, methods, modes and seasons of a campaign are compared."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from astropy.table import QTable

from pipeline.measure.exposure_spectra import PUBLISHED_METHOD
from pipeline.schema.flux_array import FluxArray
from pipeline.statistics.comparisons import (
    Choice,
    exposure_choices,
    offsets_table,
    scatter_table,
)
from pipeline.statistics.fluxes import Fluxes


def comparison_tables(
    array: FluxArray,
    fluxes: Fluxes,
    in_aperture: Callable[[float], Fluxes],
    pairs: Sequence[tuple[int, int]],
) -> dict[str, QTable]:
    """Tables ``scatter_comparisons`` and ``mode_offsets``.

    Parameters
    ----------
    array : FluxArray
    fluxes : Fluxes
        In the passband and aperture of the headlines, bad exposures and flagged stars marked.
    in_aperture : callable
        The same in another aperture, by its radius [pix].
    pairs : sequence of (star_1, star_2)
        Headline pairs.
    """
    used = fluxes.exposure_flags == ""
    here = Choice(_aperture(fluxes.radius_px), fluxes, used)
    choices = [
        (Choice(_aperture(radius), in_aperture(radius), used), here)
        for radius in array.radii_px
        if radius != fluxes.radius_px
    ]
    if array.method != PUBLISHED_METHOD:
        summed = replace(fluxes, flux=fluxes.flux_published)
        choices.append(
            (
                Choice(f"method {PUBLISHED_METHOD}", summed, used),
                Choice(f"method {array.method}", fluxes, used),
            )
        )
    known = set(fluxes.star_ids.tolist())
    return {
        "scatter_comparisons": scatter_table([*choices, *exposure_choices(fluxes)]),
        "mode_offsets": offsets_table(fluxes, [pair for pair in pairs if set(pair) <= known]),
    }


def _aperture(radius_px: float) -> str:
    return f"aperture {radius_px:g} px"

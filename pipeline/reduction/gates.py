"""Limits on the recipes' quality control, each with what real products show.

The meaning of every keyword is the recipes' own (``esorex --man-page``, keyword descriptions in
their library). "Real" are the ranges over three nights of June 2017 (WFM-AO-N, muse 2.5.4, from the
example database of the public repository musevlt/musered; ``tests/reduction/data``), lamp fluxes
also of five nights of 2014. ``warn`` limits are wider, for other epochs and modes;
``reject`` limits say what cannot be used whatever the epoch.
"""

import math
from dataclasses import dataclass
from typing import Literal

INF = math.inf
N_SLICES, N_LAMPS = 48, 3
# each: every value by itself; count: how many there are; median: of all; spread: (highest - lowest)
# over the median, of at least two
Statistic = Literal["each", "count", "median", "spread"]
Range = tuple[float, float]
ANY: Range = (-INF, INF)


@dataclass(frozen=True)
class Gate:
    """Accepted values of one keyword."""

    recipe: str
    keyword: str  # after "ESO QC "; # stands for a number
    statistic: Statistic
    warn: Range  # beyond, the products are used and the reader is told
    reject: Range  # beyond, they are not used
    meaning: str
    unit: str = ""
    required: bool = False  # its absence counts as a value beyond ``reject``


def _of(recipe: str, *rows: tuple[object, ...]) -> tuple[Gate, ...]:
    return tuple(Gate(recipe, *row) for row in rows)  # type: ignore[arg-type]


GATES: tuple[Gate, ...] = (
    *_of(
        "muse_bias",
        # real 1.94 to 3.52; a dead amplifier has none
        ("BIAS MASTER# RON", "each", (1.5, 4.5), (0.3, 20.0), "read noise of a quadrant", "e-"),
        # real 1197 to 1208
        ("BIAS LEVEL# MEAN", "each", (900, 1500), (50, 20_000), "bias level of a quadrant", "adu"),
        # real -0.12 to 0.13, what the fit to the overscan leaves
        ("BIAS MASTER# MEDIAN", "each", (-1, 1), ANY, "level left after overscan", "adu"),
        ("BIAS MASTER# SLOPE X", "each", (-2e-3, 2e-3), ANY, "horizontal slope", "adu/pix"),
        ("BIAS MASTER# SLOPE Y", "each", (-2e-3, 2e-3), ANY, "vertical slope", "adu/pix"),
        # real up to 12 331 of 17 million
        ("BIAS MASTER NBADPIX", "each", (0, 50_000), (0, 2e6), "pixels in bad columns"),
        # real up to 21
        ("BIAS INPUT# NSATURATED", "each", (0, 1000), (0, 2e5), "saturated pixels of a frame"),
    ),
    *_of(
        "muse_flat",
        # real 23 310 to 26 192
        ("FLAT INPUT# MEAN", "each", (8e3, 4e4), (1e3, 6e4), "level of a lamp flat", "count"),
        # real within a night 0.1 %; a frame without lamp shows here
        ("FLAT INPUT# MEAN", "spread", (0, 0.02), (0, 0.3), "spread between lamp flats"),
        ("FLAT INPUT# NSATURATED", "each", (0, 5000), (0, 2e5), "saturated pixels of a frame"),
        # real 3.93e11 to 4.41e11 (2017), 4.28e11 to 5.03e11 (2014)
        ("FLAT MASTER INTFLUX", "each", (1.5e11, 8e11), (1e10, INF), "lamp flux", "count"),
        # real 28 564 to 53 837
        ("FLAT MASTER SLICE# MEAN", "each", (1e4, 7e4), (500, INF), "level of a slice", "count"),
        ("FLAT MASTER SLICE# MEAN", "count", (N_SLICES, INF), (N_SLICES, INF), "slices lit"),
        # real 74.6 to 79.4; the recipe itself looks for 72.2 to 82.2
        ("TRACE WIDTHS MIN", "each", (73.0, 80.0), (60, 90), "narrowest slice", "pix"),
        ("TRACE WIDTHS MAX", "each", (75.0, 81.5), (60, 90), "widest slice", "pix"),
        # real 4.6 to 6.3 and 8.3 to 9.2
        ("TRACE GAPS MIN", "each", (3, 9), (0, 40), "narrowest gap between slices", "pix"),
        ("TRACE GAPS MAX", "each", (6, 14), (0, 90), "widest gap; a lost slice shows here", "pix"),
        # real -0.011 to 0.011
        ("TRACE SLICE# MAXSLOPE", "each", (-0.03, 0.03), (-0.3, 0.3), "steepest trace of a slice"),
        (
            *("TRACE SLICE# MAXSLOPE", "count", (N_SLICES, INF), (N_SLICES, INF), "slices traced"),
            *("", True),
        ),
        # real 62.8 to 91.5 and 3996 to 4023
        ("TRACE SLICE_L XPOS", "each", (40, 120), (1, 300), "place of the leftmost slice", "pix"),
        (
            *("TRACE SLICE_R XPOS", "each", (3960, 4060), (3800, 4096)),
            *("place of the rightmost slice", "pix"),
        ),
    ),
    *_of(
        "muse_wavecal",
        # a polynomial of order 6 in y and 2 in x: real 90 to 112 lines, 64 to 70 of them fitted
        ("WAVECAL SLICE# LINES NID", "each", (80, INF), (35, INF), "identified lines of a slice"),
        ("WAVECAL SLICE# FIT NLINES", "each", (55, INF), (25, INF), "fitted lines of a slice"),
        (
            *("WAVECAL SLICE# FIT RMS", "count", (N_SLICES, INF), (N_SLICES, INF)),
            *("slices with a solution", "", True),
        ),
        # real 0.018 to 0.053 in a slice, 0.0210 to 0.0343 in the median of a channel
        ("WAVECAL SLICE# FIT RMS", "each", (0, 0.09), (0, 0.3), "scatter of a slice", "Angstrom"),
        ("WAVECAL SLICE# FIT RMS", "median", (0, 0.040), (0, 0.2), "usual scatter", "Angstrom"),
        # corner against corner of a slice: real -5.89 to 5.49 at the bottom, -4.14 to 3.45 at the top
        (
            *("WAVECAL SLICE# DWLEN BOTTOM", "each", (-7.5, 7.5), (-25, 25)),
            *("tilt of a slice, lowest row: left corner minus right corner", "Angstrom"),
        ),
        (
            *("WAVECAL SLICE# DWLEN TOP", "each", (-6, 6), (-25, 25)),
            *("tilt of a slice, highest row", "Angstrom"),
        ),
        # real 1.90 to 2.90 and 2474 to 3686
        (
            *("WAVECAL SLICE# LINES FWHM MEAN", "each", (1.5, 3.4), (0.5, 8)),
            *("width of lines", "Angstrom"),
        ),
        ("WAVECAL SLICE# RESOL", "each", (2100, 4200), (900, INF), "resolving power"),
        # a lamp that was off has no lines: real 31 800 to 70 800, one slice of every channel
        (
            *("WAVECAL SLICE# LAMP# LINES PEAK MAX", "each", (1e4, INF), (500, INF)),
            *("brightest line of a lamp", "count"),
        ),
        (
            *("WAVECAL SLICE# LAMP# LINES PEAK MAX", "count", (N_LAMPS, INF), (N_LAMPS, INF)),
            *("lamps with lines",),
        ),
        # real up to 83
        ("WAVECAL NSATURATED LAMP#", "each", (0, 3000), (0, 2e5), "saturated pixels of a lamp"),
    ),
    *_of(
        "muse_lsf",
        # real 1.97 to 3.06
        ("LSF SLICE# FWHM MEAN", "each", (1.5, 3.6), (0.5, 8), "line spread", "Angstrom"),
    ),
    *_of(
        "muse_twilight",
        # real 18 725 to 21 165
        ("TWILIGHT# INPUT# MEDIAN", "each", (3e3, 4.5e4), (300, INF), "level of a frame", "count"),
        # real up to 61
        ("TWILIGHT# INPUT# NSATURATED", "each", (0, 5000), (0, 2e5), "saturated pixels of a frame"),
        # real 10 %; a channel that is wrong by 77 % has been seen (benchmarks/reduction)
        ("TWILIGHT# INTFLUX", "spread", (0, 0.25), (0, 2), "spread between channels"),
        # real 2.30e11 to 2.56e11
        ("TWILIGHT# INTFLUX", "each", (3e10, 2e12), (1e9, INF), "flux of a channel", "count"),
    ),
    *_of(
        "muse_scibasic",
        # real -0.06 to 0.47; sky lines against the arcs, corrected by the recipe. On the channel that holds
        # a bright standard it is noise: 1.1 in one of four simulated nights
        (
            *("SCIBASIC LAMBDA SHIFT", "each", (-1, 1), (-4.5, 4.5)),
            *("shift of the sky lines", "Angstrom"),
        ),
        # real up to 25
        ("SCIBASIC NSATURATED", "each", (0, 2000), (0, 2e5), "saturated pixels"),
    ),
    *_of(
        "muse_standard",
        ("STANDARD NDET", "each", (1, INF), (1, INF), "sources found"),
        # real 0.221, 0.328, 0.246, 0.157
        ("STANDARD THRU5000", "each", (0.06, 0.45), (0.005, 1), "throughput at 5000 Angstrom"),
        ("STANDARD THRU7000", "each", (0.1, 0.6), (0.005, 1), "throughput at 7000 Angstrom"),
        ("STANDARD THRU8000", "each", (0.07, 0.5), (0.005, 1), "throughput at 8000 Angstrom"),
        ("STANDARD THRU9000", "each", (0.04, 0.35), (0.005, 1), "throughput at 9000 Angstrom"),
    ),
    *_of(
        "muse_scipost",
        # real 0.38 to 0.75; the recipe writes -1 where its fit failed, 0 where nothing was found
        ("SCIPOST FWHM MEDIAN", "each", (-1, 3), ANY, "width of stars", "arcsec"),
        ("SCIPOST NDET", "each", (1, INF), ANY, "sources found"),
        # real 438 549 to 457 683, written where the sky is modelled
        ("SCIPOST CONT FLUX", "each", (1e4, 1e7), ANY, "sky continuum"),
    ),
)

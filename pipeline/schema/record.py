"""The published record: what was read off its figures, and what its text says."""

from collections.abc import Mapping

from pipeline.schema.column import EXPOSURE_ID, RADIUS, STAR, STAR_1, STAR_2, Column, column

RECORD: Mapping[str, tuple[Column, ...]] = {
    "timelines_digitised": (
        EXPOSURE_ID,
        STAR_1,
        STAR_2,
        column("value", "f8", "", "deviation as plotted; for outlier_bound only the bound", "phot.flux;arith.ratio"),
        column("value_err", "f8", "", "1 sigma of rounding to whole pixels", "stat.error"),
        column("value_implied", "f8", "", "value that follows because a panel's 65 values sum to zero; NaN where it was read", "phot.flux;arith.ratio"),
        column("value_implied_err", "f8", "", "1 sigma of value_implied", "stat.error"),
        column("visible_fraction", "f8", "", "share of the marker that no other one covers", "stat.filling"),
        column("digitised_flag", "str", "", "empty, outlier_bound, behind_legend or overlapped", "meta.code.qual"),
    ),
    "snr_scatter": (
        column("snr_gmean", "f8", "", "geometric mean SNR of the two stars, as read", "stat.snr"),
        column("snr_gmean_err", "f8", "", "1 sigma of rounding to whole pixels", "stat.error"),
        column("std", "f8", "", "std_published of the pair, as read", "stat.stdev"),
        column("std_err", "f8", "", "1 sigma of rounding and axis calibration", "stat.error"),
        column("star_1", "i8", "", "star in the numerator, 0: not known which of the candidates", "meta.id"),
        column("star_2", "i8", "", "star in the denominator, 0: not known which of the candidates", "meta.id"),
        column("candidates", "str", "", "pairs that fall in this pixel column", "meta.note"),
        column("visible_fraction", "f8", "", "share of the marker that no other one covers", "stat.filling"),
    ),
    "coordtrafo": (
        column("kind", "str", "", "reference, detected, or transformed (reference taken through the publication's affine)", "meta.code"),
        STAR,
        column("x", "f8", "pix", "position, 0-based", "pos.cartesian.x;instr.det"),
        column("y", "f8", "pix", "position, 0-based", "pos.cartesian.y;instr.det"),
        column("x_err", "f8", "pix", "1 sigma of rounding to whole pixels", "stat.error"),
        column("y_err", "f8", "pix", "1 sigma of rounding to whole pixels", "stat.error"),
        column("spurious", "bool", "", "detection without a reference star", "meta.code.qual"),
    ),
    "spectrum_levels": (
        STAR,
        RADIUS,
        column("level_3000", "f8", "", "level at layer 3000, in the Ca II 8498 A line [arbitrary unit]", "phot.flux.density", "layer 3000"),
        column("level_3000_err", "f8", "", "1 sigma of reading the figure", "stat.error"),
        column("level_2860_2985", "f8", "", "median level of layers 2860 to 2985 [arbitrary unit]", "phot.flux.density", "layers 2860–2985"),
        column("level_2860_2985_err", "f8", "", "1 sigma of reading the figure", "stat.error"),
        column("scatter_2860_2985", "f8", "", "scatter over these layers", "stat.stdev"),
    ),
    "claims": (
        column("key", "str", "", "stable identity", "meta.id"),
        column("value", "f8", "", "number as printed", "stat.value"),
        column("unit", "str", "", "unit of the number", "meta.unit"),
        column("statement", "str", "", "what the publication says of it, in our words", "meta.note", "what it is"),
        column("source", "str", "", "where it is printed", "meta.ref", "where"),
    ),
    "differences": (
        column("key", "str", "", "stable identity", "meta.id"),
        column("subject", "str", "", "what it is about", "meta.note"),
        column("published", "str", "", "what the publication says", "meta.note"),
        column("data", "str", "", "what its data say", "meta.note"),
        column("value_published", "f8", "", "number in the publication; NaN: none", "stat.value"),
        column("value_data", "f8", "", "the same number from the data", "stat.value"),
        column("value_err", "f8", "", "1 sigma of value_data; NaN: none stated", "stat.error"),
        column("agrees", "bool", "", "the data confirm what the publication says", "meta.code.qual"),
        column("matters", "str", "", "why it matters", "meta.note"),
    ),
}

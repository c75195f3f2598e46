"""Sums of whole spaxels in circular apertures, as the study of 2021 made them."""

from pipeline.measure.apertures import ApertureMethod

METHOD = ApertureMethod("center", "sum of the spaxels whose centre is within the radius")

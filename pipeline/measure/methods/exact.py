"""Sums of spaxels, each by its area within a circular aperture."""

from pipeline.measure.apertures import ApertureMethod

METHOD = ApertureMethod("exact", "sum of the spaxels, each by its area within the circle")

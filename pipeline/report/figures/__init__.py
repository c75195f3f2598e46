"""Figures: each function takes tables and returns a ``Figure``; none computes a statistic."""

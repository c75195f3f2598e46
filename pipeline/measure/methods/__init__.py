"""The extraction methods, a module each: its ``METHOD`` is what ``extraction.method`` chooses.

A new method is a module here and its name in ``pipeline.config.measurement.METHODS``.
"""

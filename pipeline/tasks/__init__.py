"""The I/O layer: each task reads products, calls a pure step and writes its products."""

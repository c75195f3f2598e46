"""Products and their stamps, executors, progress: what runs, and what need not run again."""

"""Fields of one's own, as cubes: from ``init`` to the report, and photometry where stars crowd."""

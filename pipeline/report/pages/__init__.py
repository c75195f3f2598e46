"""Pages of the report: a module each, with what its template prints."""

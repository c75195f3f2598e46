"""Files beside the pages: tables, spectra, report.json, and what describes them to programs."""

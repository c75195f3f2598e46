"""From pages to a site: what this build is, Markdown, mkdocs."""

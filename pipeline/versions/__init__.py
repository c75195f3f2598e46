"""Published versions: finished sites side by side in a git branch, each immutable.

The tree of the branch is what a web server serves::

    v2026.11/  v2026.12/     a finished site each, never changed again
    latest/  stable/         aliases: a page that redirects for every page of the version
    versions.json            what the theme's selector and banner read; as mike writes it
    index.html  404.html  sitemap.xml  robots.txt  CITATION.cff  .nojekyll

A finished site is committed as it is; mike's own command would run mkdocs a second time, so that
what is published would not be what was tested. From mike come the model of versions.json and the
commit (one ``git fast-import``, whose single update of the branch makes all of this visible at
once), so that ``mike list``, ``mike serve`` and ``mike delete`` understand the branch.
"""

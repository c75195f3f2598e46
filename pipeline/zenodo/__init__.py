"""A version as a draft on Zenodo: its DOI is reserved first, so that the pages can print it.

``service`` sends requests, ``api`` knows the deposit API, ``deposit`` the order of steps, ``metadata``
and ``files`` what is sent. What is assumed of the API is in docs/zenodo.md.
"""

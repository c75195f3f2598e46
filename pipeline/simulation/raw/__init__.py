"""Raw CCD frames of the simulated MUSE, faithful enough for the unmodified recipes of ESO.

``optics`` and ``detector`` are the instrument, ``spectra`` the lamps, ``scene`` and ``campaign``
the sky (that of the simulated cubes), ``exposure`` turns light into expected electrons, ``night``
writes frames, tables (``static``) and the association tree (``tree``).
"""

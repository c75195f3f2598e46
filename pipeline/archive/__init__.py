"""The archive: from "which nights" to files on disk.

``queries`` asks for observations, ``availability`` tells the nights, ``selection`` chooses the
calibrations of each standard-star exposure, ``download`` fetches and verifies the files, ``store``
keeps the answers as provenance, ``retrieved`` tells what is there to reduce, ``gaia`` identifies the
field stars. ``web`` is the only module that opens a connection, ``auth`` the only one that sees a
password.
"""

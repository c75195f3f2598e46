"""The archive: from "which nights" to files on disk.

``service`` is the archive as the others see it; ``observations`` and ``products`` ask its catalogues,
``availability`` lists the nights, ``selection`` chooses the calibrations of each standard-star
exposure, ``download`` fetches and verifies the files, ``store`` keeps the responses as provenance,
``retrieved`` says what is there to reduce and to measure, ``gaia`` identifies the field stars,
``contact`` checks every assumption about the services. Connections are those of ``pipeline.http``;
``auth`` is the only module that sees a password.
"""

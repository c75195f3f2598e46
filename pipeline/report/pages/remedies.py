"""What to do about an exposure that cannot be used, by the type of its failure."""

from collections.abc import Mapping

REMEDIES: Mapping[str, str] = {
    "CubeUnreadable": "Fetch or copy the file again, then run the same command: only this one is processed.",
    "CubeEmpty": "The cube holds no finite data. Reduce the exposure again, or leave it out.",
    "ChecksumMismatch": "The file was changed or damaged. Fetch it again.",
    "DuplicateExposure": "Two files hold one exposure. Keep one of them in the folder.",
    "WrongPixelScale": "The cube is on another grid. Set its pixel scale, or make it a campaign of its own.",
    "WrongField": "The cube points elsewhere. Add its field to the settings, or leave it out.",
    "UnknownMode": "Add the mode to the list of modes of the field, if it belongs there.",
    "NoStarsDetected": "Check the detection image: there may be clouds, or the threshold is too high.",
    "NoStarsMatched": "Compare the field with the reference: wrong pointing, or too few stars shared.",
    "BandNotCovered": "Choose a band within the range of this mode.",
    "CalibrationMissing": "Fetch the calibrations of the night, or allow those of a neighbouring one.",
    "RecipeTimeout": "Give the recipe more time, then run the same command again.",
    "MemoryShort": "Run fewer jobs at a time, or on a machine with more memory.",
    "DiskFull": "Free some disk space, then run the same command again.",
    "WorkerLost": "The process was ended from outside. Run the same command again.",
    "NotReduced": "Reduce the exposure first; its log says what is missing.",
}
OTHERWISE = (
    "The reason names the value and its limit. Correct the cause and run the same command again: only "
    "what failed is repeated."
)


def remedy_of(reason: str) -> str:
    """What to do about a reason that begins with the type of a failure."""
    return REMEDIES.get(reason.partition(":")[0].strip(), OTHERWISE)

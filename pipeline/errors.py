"""Expected failures, each a type of its own.

A failure that concerns one exposure becomes a row of the ``exposures`` table and never stops a
run (``ExposureError``); one that concerns the request itself ends it with exit status 2
(``RequestError``). Anything else is a defect and crashes with its traceback.
"""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FOLDER = re.compile(r"(?<![\w.)\]*:/\\])/(?:[^\s/'\"():;,<>]+/)+")  # an absolute path's folders


def printable(text: str) -> str:
    """A text on one line without control characters: they are shown as escapes.

    For whatever came from a file or its name and goes into a table or to a terminal.
    """
    return _CONTROL.sub(_escaped, text)


def printable_lines(text: str) -> str:
    """A text of several lines without control characters, for a terminal."""
    return "\n".join(printable(line) for line in text.split("\n"))


def _escaped(match: re.Match[str]) -> str:
    if match[0].strip(" \t\r\n") == "":
        return " "
    return "".join(repr(character)[1:-1] for character in match[0])


def without_folders(text: str, *folders: str) -> str:
    """A text in which files go by their names: no path of this machine is published.

    Parameters
    ----------
    folders : str
        Known ones, which may hold blanks; other absolute paths are known by their form.
    """
    for folder in sorted(folders, key=len, reverse=True):
        text = text.replace(folder.rstrip("/") + "/", "")
    return _FOLDER.sub("", text)


class PipelineError(Exception):
    """Any failure that the pipeline expects; its message names the value, the file, the remedy."""


class RequestError(PipelineError):
    """The request cannot be carried out as given: configuration, options, permissions."""


class ConfigError(RequestError):
    """``report.toml`` holds an unknown key, a wrong type, or a value outside its limits."""


class SourceUnavailable(RequestError):
    """The chosen source of exposures does not exist, is empty, or is not built yet."""


class WorkspaceError(RequestError):
    """The working or site folder cannot be written, is full, or is in use by another run."""


class ExecutorFailed(RequestError):
    """The workers that jobs were to run on do not start, or have ended before their jobs."""


class NoReferenceExposure(RequestError):
    """No exposure can serve as the reference, or the one that was named cannot."""


class SiteError(RequestError):
    """The static site could not be built from the rendered pages."""


class PreviousReportInvalid(RequestError):
    """The report.json of the version before cannot be read, or is of another schema."""


class NotPublishable(RequestError):
    """A folder is not the finished site of a version, or was built for another address."""


class VersionTooLarge(RequestError):
    """A version is larger than what fifty of them may take together."""


class VersionPublished(RequestError):
    """A version of this name is published already, with other content."""


class BranchError(RequestError):
    """The branch of the published versions cannot be read or written."""


class ExposureError(PipelineError):
    """One exposure cannot be used; the campaign continues without it."""

    def __init__(self, *parts: object) -> None:
        super().__init__(*(printable(one) if isinstance(one, str) else one for one in parts))


class ImplausibleValue(ExposureError):
    """A header holds a value that no exposure of this instrument can have."""


class ChecksumMismatch(ExposureError):
    """The data of a file are not those of its DATASUM: it was damaged."""


class ExposureCrashed(ExposureError):
    """Reading or measuring the exposure raised an unexpected exception; its log has the traceback."""


class JobCrashed(ExposureError):
    """The process that worked on the exposure was killed by a signal, or by want of memory."""


class JobHung(ExposureError):
    """The exposure took longer than its time limit."""


class CubeUnreadable(ExposureError):
    """The file is truncated, is not FITS, or lacks an extension or keyword of a MUSE cube."""


class NoEpoch(ExposureError):
    """A file that is no exposure of its own: nothing failed, there is nothing to measure in it."""


class NotACube(NoEpoch):
    """The file is an image, a table, a raw frame: a companion of cubes."""


class DuplicateExposure(NoEpoch):
    """Another file holds the same light, and is measured."""


class CombinedCube(NoEpoch):
    """The cube holds several exposures, which have no epoch in common."""


class CubeEmpty(ExposureError):
    """The cube holds no finite value."""


class WrongPixelScale(ExposureError):
    """The spaxels are not those of the campaign's instrument mode."""


class WrongField(ExposureError):
    """The header's position is not that of the campaign's field."""


class UnknownMode(ExposureError):
    """The instrument mode is not known, or not one of the campaign's."""


class WorkerLost(ExposureError):
    """The process that worked on the exposure was killed, more than once."""


class NoStarsDetected(ExposureError):
    """DAOFIND found nothing, or too few stars for a match."""


class NoStarsMatched(ExposureError):
    """The detections cannot be matched to the reference catalogue beyond chance."""


class BandNotCovered(ExposureError):
    """A passband extends beyond the wavelengths of the spectra."""


class ArchiveUnreachable(RequestError):
    """A service of the archive gives no answer, or none in time, after all attempts."""


class NameUnknown(RequestError):
    """No service knows an object of that name."""


class ArchiveRefused(RequestError):
    """A service of the archive refuses a question, or answers with something else."""


class LoginFailed(RequestError):
    """The archive does not accept the credentials, or there are none and they are needed."""


class AssociationRefused(ExposureError):
    """An association tree is unsafe, is not well-formed, or is not what was asked for."""


class CalibrationMissing(ExposureError):
    """No complete set of calibrations can be found for an exposure."""


class FileRefused(ExposureError):
    """A file of the archive cannot be had, or what came is not that file."""


class NoStandard(ExposureError):
    """The association tree holds no exposure of a standard."""


class AmbiguousStandard(ExposureError):
    """The association tree holds several exposures of standards and none was asked for."""


class WrongStandard(ExposureError):
    """The standard in the association tree or in the raw frame is not the one that was asked for."""


class RawFrameUnreadable(ExposureError):
    """A raw frame or static table is missing, truncated or not FITS."""


class RecipeFailed(ExposureError):
    """A recipe of the MUSE pipeline refused its input or delivered less than it must."""


class RecipeCrashed(RecipeFailed):
    """A recipe was killed by a signal: a crash in C, or the kernel for want of memory."""


class RecipeTimeout(RecipeFailed):
    """A recipe did not end within its time limit."""


class CalibrationRejected(RecipeFailed):
    """A recipe ended well, but its quality-control numbers say that the result is wrong."""

    checks: tuple[object, ...] = ()  # all that were made, not only those that rejected it


class MemoryShort(ExposureError):
    """A recipe was not started, because it needs more memory than there is."""


class DiskFull(ExposureError):
    """There was no space left for the products of a recipe."""


class NotReduced(ExposureError):
    """The raw frames of an exposure are here, its cube is not made yet."""


class ParameterUnknown(RequestError):
    """A recipe of the installed version does not have a parameter that the settings give it."""


class RecipesMissing(RequestError):
    """The recipes of the MUSE pipeline, or the program that runs them, are not installed."""


class TokenRefused(RequestError):
    """There is no token for the deposit service, or it does not allow what is asked for."""


class DepositUnreachable(RequestError):
    """The deposit service gives no answer, or none in time, after all attempts."""


class DepositRefused(RequestError):
    """The deposit service refuses a request, answers with something else, or a draft is unfit."""


class DepositCorrupted(RequestError):
    """What the deposit service holds is not what was sent: size or checksum differ."""

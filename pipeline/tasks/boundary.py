"""Where whatever one exposure does ends: what its file may take, and what is said of an error."""

from pathlib import Path

from pipeline.errors import ExposureCrashed, ExposureError, printable, without_folders
from pipeline.workflow.supervise import Limits

# An exposure of 3 GB takes a minute; a disk that many share may be twenty times slower
TIME_LIMIT_S, TIME_LIMIT_S_PER_GB = 900.0, 600.0
MEMORY_LIMIT_BYTES = 6 << 30  # measuring a cube of 3 GB takes 1 GB of its own
_MAX_REASON = 600  # characters of what a library said


def limits_of(path: Path) -> Limits:
    """What working on a file may take."""
    size_gb = path.stat().st_size / 1e9 if path.is_file() else 0.0
    return Limits(TIME_LIMIT_S + TIME_LIMIT_S_PER_GB * size_gb, MEMORY_LIMIT_BYTES)


def reason_of(error: Exception, path: Path, *folders: Path) -> tuple[str, str]:
    """Type and text of an error, fit for a table: one line, no folders of this machine.

    Parameters
    ----------
    error : Exception
        One that nobody expected is an ``ExposureCrashed``.
    path : Path
        The file that was worked on; the text begins with its name.
    folders : Path
        Further ones that the text may hold.
    """
    expected = isinstance(error, ExposureError)
    said = str(error) if expected else f"{type(error).__name__}: {error}"
    known = {str(one) for one in (path.parent, Path.cwd(), Path.home(), *folders)}
    known |= {str(one.resolve()) for one in (path.parent, *folders)}
    text = printable(without_folders(said, *known)).removeprefix(f"{path.name}: ")
    if len(text) > _MAX_REASON:
        text = f"{text[:_MAX_REASON]} ..."
    kind = type(error).__name__ if expected else ExposureCrashed.__name__
    return kind, f"{printable(path.name)}: {text}"

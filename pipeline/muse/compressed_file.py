"""Files that are compressed as a whole, ``.fits.gz`` and the like: known by their first bytes.

They cannot be read from the middle. Headers are read from the beginning; for the data the file is
expanded into a scratch file that loses its name as soon as it is mapped into memory: it occupies
the disk while it is in use, and is gone when the process ends. Killed while it expands, the process
leaves a hidden ``.part``, as those of products are, which the next run removes.
"""

import bz2
import errno
import gzip
import lzma
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.errors import CubeUnreadable, ExposureError, WorkspaceError
from pipeline.muse.fits_layout import check_regular

HEAD_BYTES = 4 << 20  # holds the primary header and that of the first extension, 0.1 MB each
_CHUNK = 4 << 20
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_Opener = Callable[[Path], Any]  # of a stream for reading bytes
_OPENERS: dict[bytes, _Opener] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_UNSUPPORTED = {b"\x1f\x9d": "uncompress", b"PK\x03\x04": "unzip", b"\x28\xb5\x2f\xfd": "unzstd"}


def is_compressed(path: Path) -> bool:
    """Whether a file is compressed as a whole, by its first bytes.

    Raises
    ------
    CubeUnreadable
        If it is, in a way that cannot be expanded here; the message names the program that can.
        If it is no regular file, or cannot be read.
    """
    return _opener(path) is not None


def _opener(path: Path) -> _Opener | None:
    check_regular(path)
    try:
        with path.open("rb") as file:
            first = file.read(8)
    except OSError as error:
        raise CubeUnreadable(f"{path.name}: cannot be read ({error.strerror})") from error
    for magic, program in _UNSUPPORTED.items():
        if first.startswith(magic):
            raise CubeUnreadable(
                f"{path.name}: compressed in a way that is not read here; expand it with {program}"
            )
    return next((opener for magic, opener in _OPENERS.items() if first.startswith(magic)), None)


@contextmanager
def expanded(path: Path, folder: Path | None = None, *, limit: int | None = None) -> Iterator[Path]:
    """Path of a plain copy of a compressed file, for as long as it is needed.

    Maps of the copy stay valid after that. A file that is not compressed is its own copy.

    Parameters
    ----------
    path : Path
    folder : Path, optional
        Where the copy is made; left out, where the system keeps temporary files.
    limit : int, optional
        Most bytes to expand, for a look at headers.

    Raises
    ------
    CubeUnreadable
        If the file is damaged or cut off, or its content is not what its headers say: whatever is
        raised about the copy is told of the file.
    """
    opener = _opener(path)
    if opener is None:
        yield path
        return
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix=".expanded-", suffix=".part")
    except OSError as error:
        raise _cannot_write(folder, error) from error
    copy = Path(name)
    try:
        with os.fdopen(handle, "wb") as scratch:
            _expand(path, opener, scratch, limit, folder)
        yield copy
    except ExposureError as error:
        raise type(error)(str(error).replace(copy.name, path.name)) from error
    finally:
        copy.unlink(missing_ok=True)


def _expand(
    path: Path, opener: _Opener, scratch: BinaryIO, limit: int | None, folder: Path | None
) -> None:
    try:
        with opener(path) as file:
            left = limit
            while chunk := file.read(_CHUNK if left is None else min(_CHUNK, left)):
                scratch.write(chunk)
                left = None if left is None else left - len(chunk)
                if left == 0:
                    break
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise CubeUnreadable(
            f"{path.name}: damaged or cut off in the compressed data ({error}); fetch it again"
        ) from error
    except OSError as error:
        if error.errno in _OF_THE_DISK:  # no fault of the file
            raise _cannot_write(folder, error) from error
        said = error.strerror or str(error)
        raise CubeUnreadable(f"{path.name}: damaged in the compressed data ({said})") from error


def _cannot_write(folder: Path | None, error: OSError) -> WorkspaceError:
    return WorkspaceError(
        f"{folder or 'the folder of temporary files'}: {error.strerror or error}; a compressed cube is "
        "expanded there: free space, choose another folder with --work, or set TMPDIR"
    )

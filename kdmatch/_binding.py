"""The C library through ctypes: structs as in ``kdmatch.h``, checked against it when loaded."""

import ctypes
from functools import cache
from pathlib import Path

from kdmatch.build import LIBRARY

ABI = 2
DEGREE = 5
TERMS = 21  # of a polynomial of degree 5 in two coordinates

OK, NO_MATCH, BAD_ARGUMENT, NO_MEMORY = range(4)
MAX_STARS = 1_000_000
MAX_COORDINATE = 1e9


class Options(ctypes.Structure):
    """``kdmatch_options``."""

    _fields_ = [
        ("tolerance", ctypes.c_double),
        ("scale_min", ctypes.c_double),
        ("scale_max", ctypes.c_double),
        ("max_shear", ctypes.c_double),
        ("max_false_alarm", ctypes.c_double),
        ("max_field_error", ctypes.c_double),
        ("prior", ctypes.c_double * 6),
        ("max_candidates", ctypes.c_int64),
        ("max_work", ctypes.c_int64),
        ("has_prior", ctypes.c_int32),
        ("allow_reflection", ctypes.c_int32),
    ]


class Result(ctypes.Structure):
    """``kdmatch_result``."""

    _fields_ = [
        ("affine", ctypes.c_double * 6),
        ("covariance", ctypes.c_double * 36),
        ("rms", ctypes.c_double),
        ("tolerance", ctypes.c_double),
        ("log10_false_alarm", ctypes.c_double),
        ("log10_distortion_odds", ctypes.c_double),
        ("departure", ctypes.c_double),
        ("error_centre", ctypes.c_double * 2),
        ("error_scale", ctypes.c_double),
        ("error_form", ctypes.c_double * (2 * TERMS * TERMS)),
        ("n_work", ctypes.c_int64),
        ("n_pairs", ctypes.c_int64),
        ("n_reference", ctypes.c_int64),
        ("n_target", ctypes.c_int64),
        ("n_reference_quads", ctypes.c_int64),
        ("n_target_quads", ctypes.c_int64),
        ("n_candidates", ctypes.c_int64),
        ("n_plausible", ctypes.c_int64),
        ("n_verified", ctypes.c_int64),
        ("best_pairs", ctypes.c_int64),
        ("needed_pairs", ctypes.c_int64),
        ("reason", ctypes.c_int32),
        ("padding", ctypes.c_int32),
    ]


class LibraryMissing(ImportError):
    """The compiled library is absent or of another version; the message says how to build it."""


@cache
def library(path: Path = Path(__file__).parent / LIBRARY) -> ctypes.CDLL:
    """The loaded library with its signatures declared.

    Raises
    ------
    LibraryMissing
        It is not there, cannot be loaded, or does not fit this module.
    """
    remedy = (
        "Build it with `python -m kdmatch.build` "
        "(needs a C compiler; on Debian or Ubuntu: apt-get install gcc libc6-dev)"
    )
    if not path.is_file():
        raise LibraryMissing(f"kdmatch: the compiled library {path} does not exist. {remedy}")
    try:
        lib = ctypes.CDLL(str(path))
    except OSError as error:
        raise LibraryMissing(f"kdmatch: cannot load {path}: {error}. {remedy}") from error
    lib.kdmatch_abi.restype = ctypes.c_int32
    lib.kdmatch_sizeof_options.restype = ctypes.c_int64
    lib.kdmatch_sizeof_result.restype = ctypes.c_int64
    found = (lib.kdmatch_abi(), lib.kdmatch_sizeof_options(), lib.kdmatch_sizeof_result())
    expected = (ABI, ctypes.sizeof(Options), ctypes.sizeof(Result))
    if found != expected:
        raise LibraryMissing(
            f"kdmatch: {path} has (ABI, struct sizes) {found}, this module {expected}. {remedy}"
        )
    lib.kdmatch_match.restype = ctypes.c_int
    lib.kdmatch_match.argtypes = [
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.POINTER(Options),
        ctypes.POINTER(Result),
        ctypes.c_void_p,
    ]
    return lib

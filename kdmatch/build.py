"""Compile the C library beside the package: ``python -m kdmatch.build``.

Standard library only: setuptools calls `build_library` before anything is installed.
"""

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LIBRARY = "_kdmatch.so"

FLAGS = (
    *("-O2", "-std=c11", "-fPIC", "-fvisibility=hidden"),
    "-ffp-contract=off",  # fused multiply-adds round differently: same bytes on every machine
    *("-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wconversion", "-Wshadow", "-Wvla"),
    *("-Wstrict-prototypes", "-Wmissing-prototypes", "-Wdouble-promotion", "-Wundef"),
)


class BuildError(RuntimeError):
    """The library could not be compiled; the message says what to do."""


def sources() -> list[Path]:
    """The C files and headers of the library, sorted."""
    here = Path(__file__).parent
    return sorted([*here.glob("*.c"), *here.glob("*.h")])


def find_compiler() -> list[str]:
    """Command of the C compiler: ``$CC``, else cc, gcc or clang.

    Raises
    ------
    BuildError
        None is installed; names the Debian packages.
    """
    asked = os.environ.get("CC", "").strip()
    if asked:
        command = shlex.split(asked)
        if shutil.which(command[0]):
            return command
        raise BuildError(f"kdmatch: the compiler CC={asked!r} is not on the PATH")
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return [name]
    raise BuildError(
        "kdmatch needs a C11 compiler and found none of cc, gcc, clang on the PATH. "
        "On Debian or Ubuntu: apt-get install gcc libc6-dev"
    )


def compile_library(output: Path, compiler: list[str], extra: tuple[str, ...] = ()) -> None:
    """Compile all sources into a shared library at ``output``.

    Raises
    ------
    BuildError
        The compiler failed; carries its command and messages.
    """
    files = [str(path) for path in sources() if path.suffix == ".c"]
    command = [*compiler, *FLAGS, *extra, "-shared", "-o", str(output), *files, "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        hint = ""
        if "fatal error" in done.stderr and ".h: No such file" in done.stderr:
            hint = "\nHeaders are missing. On Debian or Ubuntu: apt-get install gcc libc6-dev"
        raise BuildError(f"kdmatch: {shlex.join(command)} failed:\n{done.stderr}{hint}")


def _key(compiler: list[str]) -> str:
    """Digest of all that shapes the library: decided from content, not from clocks."""
    asked = subprocess.run([*compiler, "--version"], capture_output=True, check=False)
    digest = hashlib.sha256(repr((compiler, FLAGS, asked.stdout)).encode())
    for path in sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def build_library(target_dir: str | os.PathLike[str] | None = None) -> Path:
    """Path of the compiled library in ``target_dir`` (by default beside this file).

    Nothing is done when sources, flags, compiler and library are those of the last build. The new
    library replaces the old one in one step: a process that has it open keeps the old one.

    Raises
    ------
    BuildError
        No compiler, or it failed.
    """
    folder = Path(target_dir) if target_dir is not None else Path(__file__).parent
    library = folder / LIBRARY
    compiler = find_compiler()
    key = _key(compiler)
    if library.is_file() and key.encode() in library.read_bytes():
        return library
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".kdmatch-") as scratch:
        fresh = Path(scratch) / LIBRARY
        compile_library(fresh, compiler, (f'-DKDMATCH_BUILD_KEY="{key}"',))
        fresh.replace(library)
    return library


def main(arguments: list[str] | None = None) -> int:
    """Build from the command line; exit status 0 when the library is in place."""
    parser = argparse.ArgumentParser(prog="python -m kdmatch.build", description=__doc__)
    parser.add_argument("--target", type=Path, help="folder of the library (default: the package)")
    options = parser.parse_args(arguments)
    try:
        print(build_library(options.target))
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Instructions of one match under callgrind: a slow-down shows on a noisy machine, too.

    python -m benchmarks.kdmatch.instructions [--record]

Compiles ``count.c`` with the library's flags, counts inside `kdmatch_match` alone, and compares with
``instructions.json``: exit status 1 if a count grew by more than the limit. Needs valgrind.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.kdmatch.cost import pair_of
from kdmatch.build import FLAGS, find_compiler, sources

HERE = Path(__file__).parent
RECORD = HERE / "instructions.json"
LIMIT = 1.05  # the same compiler repeats its counts to 1e-4
OTHER_COMPILER_LIMIT = 1.3  # another one generates other code


def catalogues() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Name and catalogues of each case."""
    cases = {}
    for n in (25, 100, 400):
        pair = pair_of(n, 0)
        cases[f"match, N = {n}"] = pair.reference, pair.target
    for n in (25, 100):
        first, second = np.random.default_rng(n).uniform(0, 1, (2, n, 2)) * (319, 313)
        cases[f"refusal, N = {n}"] = first, second
    return cases


def compile_driver(folder: Path) -> Path:
    """The counted program."""
    program = folder / "count"
    files = [str(path) for path in sources() if path.suffix == ".c"]
    include = f"-I{HERE.parents[1] / 'kdmatch'}"
    command = [*find_compiler(), *FLAGS, include, str(HERE / "count.c"), *files]
    subprocess.run([*command, "-lm", "-o", str(program)], check=True)
    return program


def count(program: Path, folder: Path, reference: np.ndarray, target: np.ndarray) -> int:
    """Instructions inside `kdmatch_match`."""
    data = folder / "pair.bin"
    head = np.array([len(reference), len(target)], dtype=np.int64).tobytes()
    data.write_bytes(head + reference.tobytes() + target.tobytes())
    done = subprocess.run(
        [
            "valgrind",
            "--tool=callgrind",
            "--toggle-collect=kdmatch_match",
            f"--callgrind-out-file={folder / 'out'}",
            str(program),
            str(data),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        raise RuntimeError(f"no count in callgrind's output:\n{done.stderr}")
    return int(found[1])


def main() -> int:
    """Count, print a table, compare or record; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="store the counts as the new record")
    record_them = parser.parse_args().record
    if shutil.which("valgrind") is None:
        print("valgrind is not installed (apt-get install valgrind)", file=sys.stderr)
        return 2
    version = subprocess.run(
        [*find_compiler(), "--version"], capture_output=True, text=True, check=True
    )
    compiler = version.stdout.splitlines()[0]
    stored = json.loads(RECORD.read_text()) if RECORD.exists() else {"compiler": "", "counts": {}}
    limit = LIMIT if stored["compiler"] == compiler else OTHER_COMPILER_LIMIT
    counts, slower = {}, False
    print(f"| case | instructions | recorded ({stored['compiler']}) | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        program = compile_driver(Path(scratch))
        for name, (reference, target) in catalogues().items():
            counts[name] = count(program, Path(scratch), reference, target)
            before = stored["counts"].get(name)
            ratio = counts[name] / before if before else float("nan")
            slower = slower or ratio > limit
            print(f"| {name} | {counts[name]:,} | {before or 0:,} | {ratio:.4f} |", flush=True)
    if record_them:
        RECORD.write_text(json.dumps({"compiler": compiler, "counts": counts}, indent=2) + "\n")
        return 0
    if slower:
        print(f"slower than recorded by more than {limit - 1:.0%}", file=sys.stderr)
    return int(slower)


if __name__ == "__main__":
    sys.exit(main())

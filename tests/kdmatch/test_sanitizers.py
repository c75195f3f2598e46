"""The C code under the address and undefined-behaviour sanitizers: unit checks and the fuzz corpus."""

import os
import subprocess
from pathlib import Path

import pytest

from kdmatch.build import FLAGS, BuildError, find_compiler, sources
from tests.kdmatch.common import PACKAGE
from tests.kdmatch.fuzz.make_corpus import seeds
from tests.machine import lacks

HERE = Path(__file__).parent
SANITIZE = (
    "-g",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
)
WARNINGS = [flag for flag in FLAGS if flag.startswith("-W")]


@pytest.fixture(scope="module")
def compiler(tmp_path_factory):
    try:
        command = find_compiler()
    except BuildError as error:
        lacks(str(error))
    probe = tmp_path_factory.mktemp("probe") / "probe.c"
    probe.write_text("int main(void) { return 0; }\n")
    done = subprocess.run([*command, *SANITIZE, str(probe), "-o", str(probe.with_suffix(""))],
                          capture_output=True, text=True, check=False)  # fmt: skip
    if done.returncode or subprocess.run([str(probe.with_suffix(""))], check=False).returncode:
        lacks(f"the compiler has no working address sanitizer (libasan): {done.stderr}")
    return command


def build(compiler, driver, output, *defines):
    files = [str(path) for path in sources() if path.suffix == ".c"]
    command = [*compiler, "-O1", "-std=c11", *WARNINGS, *SANITIZE, *defines, f"-I{PACKAGE}"]
    done = subprocess.run(
        [*command, str(driver), *files, "-lm", "-o", str(output)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return output


def run(program, *arguments):
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1"}
    return subprocess.run(
        [str(program), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=300,
    )


def test_the_sanitizer_does_report_an_overrun(compiler, tmp_path):
    """Without this the two tests below could pass with a sanitizer that is not there."""
    source = tmp_path / "overrun.c"
    source.write_text(
        "#include <stdlib.h>\nint main(int c, char **v) { (void)v; char *p = malloc(4);"
        " p[c + 3] = 1; int r = p[0]; free(p); return r & 0; }\n"
    )
    program = tmp_path / "overrun"
    subprocess.run([*compiler, *SANITIZE, str(source), "-o", str(program)], check=True)
    done = run(program)
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr


@pytest.mark.slow
def test_the_inner_parts_equal_their_slow_definitions(compiler, tmp_path):
    done = run(build(compiler, HERE / "c" / "unit.c", tmp_path / "unit"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "all hold\n"


@pytest.mark.slow
def test_the_corpus_and_its_mutations_run_clean(compiler, tmp_path):
    driver = HERE / "fuzz" / "fuzz_match.c"
    program = build(compiler, driver, tmp_path / "fuzz", "-DSTANDALONE")
    files = sorted((HERE / "fuzz" / "corpus").iterdir())
    done = run(program, "40", *map(str, files))
    assert done.returncode == 0, done.stderr
    tried, matches = done.stdout.rsplit(", ", 1)
    assert tried == f"{len(files)} files, 40 mutations each"
    assert int(matches.split()[0]) > 20  # the checks of a match were reached


def test_the_corpus_is_what_its_script_writes():
    stored = {path.name: path.read_bytes() for path in (HERE / "fuzz" / "corpus").iterdir()}
    assert stored == seeds()

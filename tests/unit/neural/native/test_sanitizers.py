"""The C sources under the sanitizers of the machine's C compiler."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.neural.native.test_native_updates import suffixes_of_this_machine

HERE, CHECKOUT = Path(__file__).parent, Path(__file__).resolve().parents[4]
SOURCES = CHECKOUT / "seqtag" / "neural" / "native"


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="GCC is not installed"),
]


# With an architecture, vectors.h uses intrinsics; without, GCC replaces vectors that the machine may lack.
VECTORS = [(None, 4, 3), (None, 4, 6), (None, 16, 6), ("x86-64-v3", 8, 3), ("x86-64-v4", 16, 6)]


@pytest.fixture(params=VECTORS, ids=lambda of: f"{of[0]}, {of[1]} lanes, {of[2]} rows")
def options(request):
    """Compiler options as of setup.py, for instruction sets that this machine has."""
    architecture, lanes, rows = request.param
    needed = {"x86-64-v3": "avx2", "x86-64-v4": "avx512"}.get(architecture, "generic")
    if needed not in suffixes_of_this_machine():
        pytest.skip(f"the machine has no {architecture}")
    definitions = [f"-DLANES={lanes}", f"-DROWS={rows}", '-DINSTRUCTION_SET="test"']
    return [f"-march={architecture}", *definitions] if architecture else definitions


@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_the_lstm_has_no_fault_that_a_sanitizer_finds(sanitizer, options, tmp_path):
    program = built("exercise_lstm.c", ["lstm"], watched_by(sanitizer), options, tmp_path)
    assert output_of([program]) == "200 rounds\n"


def test_the_other_kernels_have_no_fault_that_a_sanitizer_finds(options, tmp_path):
    kernels, compiler = ["updates", "character_cnn", "cross_entropy"], watched_by("address,undefined")
    program = built("exercise_kernels.c", kernels, compiler, options, tmp_path)
    assert output_of([program]) == "2000 rounds\n"


def watched_by(sanitizer):
    """Return the compiler with a sanitizer."""
    return ["gcc", "-std=c11", "-O1", "-g", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all", "-w"]


def built(exercise, kernels, compiler, options, folder):
    """Compile a program of tests/ that calls kernels; the options are of the kernels only."""
    compiler, objects = [*compiler, f"-I{SOURCES}"], []
    for kernel in kernels:
        objects.append(folder / f"{kernel}.o")
        definition = f"-DFUNCTIONS={kernel}_generic"
        source = SOURCES / f"{kernel}.c"
        subprocess.run([*compiler, *options, definition, "-c", source, "-o", objects[-1]], check=True)
    program = folder / "exercise"
    subprocess.run([*compiler, HERE / exercise, *objects, "-o", program, "-lpthread", "-lm"], check=True)
    return program


def output_of(command):
    """Return what a command prints; it has to succeed."""
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout

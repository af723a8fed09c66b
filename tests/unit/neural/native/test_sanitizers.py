"""The C sources under the sanitizers of the machine's C compiler."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE, CHECKOUT = Path(__file__).parent, Path(__file__).resolve().parents[4]
SOURCES = CHECKOUT / "seqtag" / "neural" / "native"


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="GCC is not installed"),
]


@pytest.mark.parametrize(("lanes", "rows"), [(4, 3), (4, 6), (16, 6)])
@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_the_lstm_has_no_fault_that_a_sanitizer_finds(sanitizer, lanes, rows, tmp_path):
    definitions = [f"-DLANES={lanes}", f"-DROWS={rows}", '-DINSTRUCTION_SET="test"']
    assert output_of("exercise_lstm.c", ["lstm"], sanitizer, definitions, tmp_path) == "200 rounds\n"


@pytest.mark.parametrize("lanes", [4, 16])
def test_the_other_kernels_have_no_fault_that_a_sanitizer_finds(lanes, tmp_path):
    kernels, sanitizer = ["updates", "character_cnn", "cross_entropy"], "address,undefined"
    assert (
        output_of("exercise_kernels.c", kernels, sanitizer, [f"-DLANES={lanes}"], tmp_path) == "2000 rounds\n"
    )


def output_of(exercise, kernels, sanitizer, definitions, folder):
    """Return what a program of tests/ prints that calls kernels compiled with a sanitizer."""
    options = ["-std=c11", "-O1", "-g", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all", "-w"]
    compiler, objects = ["gcc", *options, f"-I{SOURCES}"], []
    for kernel in kernels:
        objects.append(folder / f"{kernel}.o")
        definition = f"-DFUNCTIONS={kernel}_generic"
        source = SOURCES / f"{kernel}.c"
        subprocess.run([*compiler, *definitions, definition, "-c", source, "-o", objects[-1]], check=True)
    program = folder / "exercise"
    subprocess.run([*compiler, HERE / exercise, *objects, "-o", program, "-lpthread", "-lm"], check=True)
    done = subprocess.run([program], env=os.environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout

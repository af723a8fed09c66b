"""The C source under the sanitizers of the machine's C compiler."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE, CHECKOUT = Path(__file__).parent, Path(__file__).resolve().parents[4]
SOURCES = CHECKOUT / "seqtag" / "neural" / "native"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcc") is None, reason="GCC is not installed")
@pytest.mark.parametrize(("lanes", "rows"), [(4, 3), (4, 6), (16, 6)])
@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_the_source_has_no_fault_that_a_sanitizer_finds(sanitizer, lanes, rows, tmp_path):
    program = tmp_path / "exercise"
    options = ["-std=c11", "-O1", "-g", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all", "-w"]
    options += [f"-DLANES={lanes}", f"-DROWS={rows}", "-DFUNCTIONS=lstm_generic", '-DINSTRUCTION_SET="test"']
    sources = [SOURCES / "lstm.c", HERE / "exercise_lstm.c"]
    subprocess.run(["gcc", *options, f"-I{SOURCES}", *sources, "-o", program, "-lpthread", "-lm"], check=True)
    done = subprocess.run([program], env=os.environ, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (0, "200 rounds\n"), done.stderr[-3000:]

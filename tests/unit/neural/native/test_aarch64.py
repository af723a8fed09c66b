"""The kernels for aarch64, compiled by Zig as in setup.py, and run by QEMU.

`pip install ziglang` and Debian's package qemu-user-static provide both.
"""

import shutil
import sys
from importlib.util import find_spec

import pytest

from tests.unit.neural.native.test_sanitizers import built, output_of

QEMU = "qemu-aarch64-static"
ZIG = [sys.executable, "-m", "ziglang", "cc", "-target", "aarch64-linux-musl", "-static"]
COMPILER = [*ZIG, "-std=c11", "-O3", "-fno-math-errno", "-ffp-contract=fast", "-fno-sanitize=undefined"]
NEON = ["-mcpu=generic", "-DLANES=4", "-DROWS=6", '-DINSTRUCTION_SET="NEON"']

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which(QEMU) is None, reason="QEMU is not installed"),
    pytest.mark.skipif(find_spec("ziglang") is None, reason="Zig is not installed"),
]


@pytest.mark.parametrize(
    ("exercise", "kernels", "expected"),
    [
        ("exercise_lstm.c", ["lstm"], "200 rounds\n"),
        ("exercise_kernels.c", ["updates", "character_cnn", "cross_entropy"], "2000 rounds\n"),
    ],
)
def test_kernels_run_on_aarch64_with_finite_results(exercise, kernels, expected, tmp_path):
    assert output_of([QEMU, built(exercise, kernels, COMPILER, NEON, tmp_path)]) == expected

"""Builds the native operations of `seqtag.neural.native`; everything else is in pyproject.toml.

The compiler is Zig's, a build requirement from PyPI, so no compiler has to be installed. Where the build
fails, seqtag is installed without the library, and trains with XLA.
"""

from __future__ import annotations

import itertools
import platform
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

SOURCES = Path("seqtag/neural/native")
KERNELS = ("lstm", "cross_entropy", "character_cnn", "updates")  # compiled for each instruction set
OPERATIONS = (  # compiled once
    *("operations", "instruction_sets", "array_operations", "lstm_operations"),
    *("cross_entropy_operations", "character_cnn_operations", "update_operations"),
)
TARGET = f"{platform.machine()}-linux-gnu.2.17"  # the oldest glibc that a wheel for manylinux2014 may need
OPTIONS = [
    "-std=c11",
    "-O3",
    "-fPIC",
    "-fvisibility=hidden",
    "-fno-math-errno",
    "-ffp-contract=fast",
    "-fno-sanitize=undefined",
    "-g0",
]


class InstructionSet(NamedTuple):
    """An instruction set that the kernels are compiled for, with its parameters."""

    suffix: str  # of the names of the tables of functions
    name: str
    processor: str  # Zig's name of the oldest processor that has it
    lanes: int  # floats in a vector register
    rows: int  # of a tile; 4 * rows sums have to fit the registers


INSTRUCTION_SETS = {
    "x86_64": [
        InstructionSet("avx512", "AVX-512", "x86_64_v4", 16, 6),
        InstructionSet("avx2", "AVX2", "x86_64_v3", 8, 3),
        InstructionSet("generic", "SSE2", "x86_64", 4, 3),
    ],
    "aarch64": [InstructionSet("generic", "NEON", "generic", 4, 6)],
}


class BuildLibrary(build_ext):
    """Compiles the library, which TensorFlow loads; it is no Python module."""

    def get_ext_filename(self, fullname: str) -> str:
        return f"{fullname.replace('.', '/')}.so"

    def build_extension(self, ext: Extension) -> None:
        library, folder = Path(self.get_ext_fullpath(ext.name)), Path(self.build_temp)
        folder.mkdir(parents=True, exist_ok=True)
        library.parent.mkdir(parents=True, exist_ok=True)
        objects = []
        for name in OPERATIONS:
            objects.append(folder / f"{name}.o")
            compile_c([*OPTIONS, "-c", SOURCES / f"{name}.c", "-o", objects[-1]])
        for of, name in itertools.product(INSTRUCTION_SETS[platform.machine()], KERNELS):
            functions = f"{name}_{of.suffix}"
            objects.append(folder / f"{functions}.o")
            values = [f"FUNCTIONS={functions}", f'INSTRUCTION_SET="{of.name}"']
            values += [f"LANES={of.lanes}", f"ROWS={of.rows}"]
            options = [
                f"-mcpu={of.processor}",
                "-mprefer-vector-width=512",
                *(f"-D{value}" for value in values),
            ]
            compile_c([*OPTIONS, *options, "-c", SOURCES / f"{name}.c", "-o", objects[-1]])
        compile_c(["-shared", "-s", *objects, "-lm", "-o", library])


class WheelForAnyPython(bdist_wheel):
    """The library does not depend on the version of Python."""

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", f"manylinux2014_{platform.machine()}"


def compile_c(arguments: list[str | Path]) -> None:
    subprocess.run([sys.executable, "-m", "ziglang", "cc", "-target", TARGET, *arguments], check=True)


if sys.platform == "linux" and platform.machine() in INSTRUCTION_SETS:
    library = Extension(
        "seqtag.neural.native.libseqtag_native",
        sorted(map(str, SOURCES.glob("*.c"))),
        depends=sorted(map(str, SOURCES.glob("*.h"))),
        optional=True,
    )
    setup(ext_modules=[library], cmdclass={"build_ext": BuildLibrary, "bdist_wheel": WheelForAnyPython})
else:
    setup()

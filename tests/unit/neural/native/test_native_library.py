"""Loading the library of native operations, and how TensorFlow sees them."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.lib
import pytest

from seqtag.neural import native


@pytest.mark.parametrize("kept", [None, 0, 100, 0.5, 0.99], ids=lambda kept: f"kept {kept}")
def test_without_a_whole_library_training_uses_xla_and_says_why(monkeypatch, tmp_path, caplog, kept):
    """Loading a library that was cut ends the process with SIGBUS, so it is not tried."""
    content = native.LIBRARY.read_bytes()
    if kept is not None:
        n_bytes = int(kept * len(content)) if isinstance(kept, float) else kept
        (tmp_path / "other.so").write_bytes(content[:n_bytes])
    monkeypatch.setattr(native, "LIBRARY", tmp_path / "other.so")
    with caplog.at_level(logging.WARNING):
        assert native._operations.__wrapped__() is None
    assert "training uses XLA, which is slower" in caplog.text
    assert "other.so" in caplog.text


def test_with_a_library_of_other_sources_training_uses_xla_and_says_why(monkeypatch, caplog):
    monkeypatch.setattr(native, "LIBRARY", Path(pyarrow.lib.__file__))
    with caplog.at_level(logging.WARNING):
        assert native._operations.__wrapped__() is None
    (message,) = caplog.messages
    assert "training uses XLA, which is slower" in message
    assert "was built from other sources" in message


@pytest.mark.skipif(shutil.which("gcc") is None, reason="GCC is not installed")
def test_without_a_kernel_that_tensorflow_accepts_training_uses_xla_and_says_why(tmp_path):
    """The library is a copy that calls a function of this test in place of TensorFlow's."""
    content, name = native.LIBRARY.read_bytes(), b"TF_RegisterKernelBuilder"
    (tmp_path / "other.so").write_bytes(content.replace(name, name.replace(b"TF", b"XX")))
    source = """
        void TF_SetStatus(void *, int, const char *);
        void XX_RegisterKernelBuilder(const char *name, void *builder, void *status) {
          TF_SetStatus(status, 9, "refused");
        }
    """
    gcc = ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", tmp_path / "refusing.so"]
    subprocess.run(gcc, input=source, text=True, check=True)
    script = """if True:
        import ctypes, pathlib, sys
        from seqtag.neural import native
        ctypes.CDLL(sys.argv[1] + "/refusing.so", ctypes.RTLD_GLOBAL)
        native.LIBRARY = pathlib.Path(sys.argv[1], "other.so")
        sys.exit(native.operations() is not None)
    """
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "training uses XLA, which is slower" in done.stderr
    assert "SeqtagArray: refused" in done.stderr


def test_only_the_array_is_stateful():
    """TensorFlow runs stateful operations one after another, and takes equal calls of others for one."""
    from tensorflow.python.framework import op_def_registry  # after seqtag has configured TensorFlow

    names = [name for name in native.operations()._fields if name != "instruction_set"]
    definitions = {name: op_def_registry.get(f"Seqtag{name.title().replace('_', '')}") for name in names}
    assert [name for name, definition in definitions.items() if definition.is_stateful] == ["array"]


@pytest.mark.parametrize(
    ("is_checkout", "changed", "expected"),
    [(True, 3.0, False), (True, 5.0, True), (False, 5.0, False)],
)
def test_a_library_is_outdated_if_sources_of_a_checkout_are_newer(tmp_path, is_checkout, changed, expected):
    """An installation writes sources and library in any order."""
    folder = tmp_path / "seqtag" / "neural" / "native"
    folder.mkdir(parents=True)
    times = {folder / "library.so": 4.0, folder / "lstm.c": changed, folder / "lstm.h": 3.0}
    times |= {tmp_path / "setup.py": 3.0} if is_checkout else {}
    for path, time in times.items():
        path.touch()
        os.utime(path, (time, time))
    assert native._is_outdated(folder / "library.so") is expected


def test_the_library_of_this_checkout_is_up_to_date():
    """Otherwise the other tests would test something else than the sources."""
    assert not native._is_outdated(native.LIBRARY), "install seqtag again"

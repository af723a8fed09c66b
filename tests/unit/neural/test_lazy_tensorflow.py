import subprocess
import sys


def run_in_fresh_process(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )


def test_importing_the_package_does_not_import_tensorflow():
    code = "import sys, seqtag.neural; print(sorted({'tensorflow', 'keras', 'mlflow'} & set(sys.modules)))"
    assert run_in_fresh_process(code).stdout == "[]\n"


def test_the_startup_log_of_tensorflow_is_suppressed_and_other_output_is_passed_on():
    code = """
import os, sys
class Loud:
    def find_spec(self, name, path=None, target=None):
        if name == "keras":
            os.write(2, b"I0000 00:00:1 cudart_stub.cc:31] Could not find cuda drivers\\nsomething else\\n")
            sys.meta_path.remove(self)
sys.meta_path.insert(0, Loud())
from seqtag.neural._keras import keras
from seqtag.neural._tensorflow import tf
print(keras.backend.backend(), float(tf.constant(1.0) + 1))
"""
    completed = run_in_fresh_process(code)
    assert completed.stdout == "tensorflow 2.0\n"
    assert completed.stderr == "something else\n"

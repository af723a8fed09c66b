"""The verbs of a retraining.

Each reads files, calls the library once and writes one folder, or finds that folder already made from the
same inputs. They take and return addresses (a snapshot, a run directory), never data.
"""

from seqtag.steps.ground import Place, confine_libraries, read_config, read_snapshot
from seqtag.steps.intake import ingest, open_run, split, validate
from seqtag.steps.judgement import decide, evaluate, register, report
from seqtag.steps.learning import encode, index, train

__all__ = [
    "Place",
    "confine_libraries",
    "decide",
    "encode",
    "evaluate",
    "index",
    "ingest",
    "open_run",
    "read_config",
    "read_snapshot",
    "register",
    "report",
    "split",
    "train",
    "validate",
]

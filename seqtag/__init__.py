"""seqtag: scheduled retraining of sequence taggers.

As a library:

    import seqtag
    tagger = seqtag.load("entities@champion")
    for sequence in tagger.tag([["Anna", "met", "Bob", "in", "Rome"]]):
        print(sequence.tags, sequence.spans)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqtag.library import LoadedTagger

__version__ = "0.1.0"


def load(
    name: str,
    *,
    home: Path | str | None = None,
    scheme: str | None = None,
    spelling: str | None = None,
    outside: str | None = None,
) -> LoadedTagger:
    """Load a tagger from the registry or from a run.

    Args:
        name: a tagger for its champion, a version as in `entities@7` or `entities@previous`, a run id, or a
            run directory.
        home: the folder with runs and registry. Default: `SEQTAG_HOME`, or the nearest `.seqtag`.
        scheme, spelling, outside: how predicted tags are written, as with the options of `seqtag tag`:
            `scheme="BILOU"`, `spelling="b_X"`, `outside="o"`. Default: as the model predicts them.

    Raises:
        ConfigError: there is no such version, run, scheme or spelling, or the model's tags have no scheme.
        BundleError: a file of the model is missing or was changed.
        RegistryError, RunDirError: a file or the registry could not be read; a retry may succeed.
    """
    from seqtag.library import load_tagger_named
    from seqtag.tagging.output_scheme import OutputScheme

    written = OutputScheme.chosen(scheme, pattern=spelling, outside=outside)
    return load_tagger_named(name, home=None if home is None else Path(home), written=written)

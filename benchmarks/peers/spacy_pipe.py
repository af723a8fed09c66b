"""Contender spaCy: its tagger, or its entity recogniser if tags have a scheme, with default settings.

Both use HashEmbedCNN (width 96, depth 4), the encoder of the small pipelines.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import spacy
from spacy.tokens import Doc
from spacy.training import Example, iob_to_biluo
from spacy.training.batchers import minibatch_by_words

from peers.corpus import Prepared
from peers.measuring import PEAK, SECONDS, Watch, peak_mb, tagged_twice

_WORDS = 1000  # of a batch: the final size in spaCy's own schedule
_IN_BILUO = {"S": "U", "E": "L"}


def training(folder: str) -> dict[str, float]:
    """Time the second epoch; making examples and labels counts as start-up."""
    prepared = Prepared.at(folder)
    watch = Watch()
    nlp, examples = _pipeline(prepared)
    optimizer = nlp.initialize(lambda: examples)
    start_up = watch.read()
    for _ in range(2):
        random.shuffle(examples)
        for batch in minibatch_by_words(examples, size=_WORDS):
            nlp.update(batch, sgd=optimizer, drop=0.1)
        epoch = watch.read()
    return {
        "start_up": start_up[SECONDS],
        **epoch,
        "n_tokens": prepared.n_tokens("train"),
        PEAK: peak_mb(),
    }


def tagging(folder: str) -> dict[str, float]:
    """Tag train from Parquet to Parquet, untrained: weights do not change the speed."""
    prepared = Prepared.at(folder)
    nlp, examples = _pipeline(prepared)
    nlp.initialize(lambda: examples)
    with tempfile.TemporaryDirectory() as out:
        predictions = Path(out) / "predictions.parquet"
        return tagged_twice(lambda: _tag(nlp, prepared, predictions), n_tokens=prepared.n_tokens("train"))


def _pipeline(prepared: Prepared) -> tuple[Any, list[Example]]:
    random.seed(1)
    spacy.util.fix_random_seed(1)
    nlp = spacy.blank("en")
    spans = prepared.scheme != "none"
    nlp.add_pipe("ner" if spans else "tagger")
    examples = []
    table = pq.read_table(prepared.run.split("train"), columns=["tokens", "tags"])
    for tokens, tags in zip(table["tokens"].to_pylist(), table["tags"].to_pylist(), strict=True):
        if tags:
            gold = {"entities": _biluo(tags, prepared.scheme)} if spans else {"tags": tags}
            examples.append(Example.from_dict(Doc(nlp.vocab, words=tokens), gold))
    return nlp, examples


def _biluo(tags: list[str], scheme: str) -> list[str]:
    if scheme != "IOBES":
        return iob_to_biluo(tags)
    return [_IN_BILUO.get(tag[0], tag[0]) + tag[1:] for tag in tags]


def _tag(nlp: Any, prepared: Prepared, predictions: Path) -> None:
    table = pq.read_table(prepared.run.split("train"))
    docs = nlp.pipe(Doc(nlp.vocab, words=tokens) for tokens in table["tokens"].to_pylist())
    if prepared.scheme == "none":
        predicted = [[token.tag_ for token in doc] for doc in docs]
    else:
        predicted = [[f"{token.ent_iob_}-{token.ent_type_}".rstrip("-") for token in doc] for doc in docs]
    column = pa.array(predicted, pa.list_(pa.string()))
    pq.write_table(table.append_column("predicted", column), predictions, compression="zstd")

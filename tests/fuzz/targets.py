"""Fuzz targets: every reader with its valid seed files."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SENTENCES = [
    (["EU", "rejects", "German", "call"], ["B-ORG", "O", "B-MISC", "O"]),
    (["Peter", "Blackburn"], ["B-PER", "I-PER"]),
    (["naïve", "\U0001f600", "1996-08-22"], ["O", "O", "O"]),
]


@dataclass(frozen=True)
class Target:
    """A reader, its seed files and their file name suffix."""

    seeds: Sequence[bytes]
    read: Callable[[Path], Any]
    suffix: str


def of_source(suffix: str, seeds: Sequence[bytes], **source: Any) -> Target:
    def read(path: Path) -> None:
        from seqtag.config.tagger_config import CorpusConfig
        from seqtag.corpus import (
            PlacesWriter,
            SourceRecord,
            contradictions_sentence,
            corpus_schema,
            read_sources,
            source_digests,
            source_sentence,
            write_corpus,
        )

        other = {"tags_path": str(path)} if source["format"] == "parallel" else {}
        columns = ("genre",) if source["format"] in ("jsonl", "parquet") else ()
        corpus = CorpusConfig.model_validate(
            {"sources": [{**source, **other, "path": str(path)}], "columns": columns}
        )
        source_digests(corpus)
        records: list[SourceRecord] = []
        with tempfile.TemporaryDirectory() as folder, PlacesWriter(Path(folder, "places")) as places:
            batches = read_sources(
                corpus, on_source=lambda report: records.append(report.record()), on_places=places.add
            )
            write_corpus(batches, corpus_schema(columns), Path(folder))
        exhaust(map(source_sentence, records))
        contradictions_sentence(records)

    return Target(seeds, read, suffix)


def exhaust(values: Iterable[Any]) -> None:
    for _ in values:
        pass


def conll() -> bytes:
    lines = ["-DOCSTART- O", ""]
    for tokens, tags in SENTENCES:
        lines += [f"{token} {tag}" for token, tag in zip(tokens, tags, strict=True)] + [""]
    return "\n".join(lines).encode()


def packed(content: bytes) -> list[bytes]:
    """Return the file compressed by gzip, as two gzip members, and in tar and zip archives."""
    tar, zipped = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        for name in ("a.conll", "b.conll"):
            header = tarfile.TarInfo(name)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.conll", content)
    halves = gzip.compress(content[:40]) + gzip.compress(content[40:])
    return [gzip.compress(content), halves, tar.getvalue(), zipped.getvalue()]


def conllu() -> bytes:
    lines = ["# newdoc id = d1"]
    for number, (tokens, _) in enumerate(SENTENCES):
        lines += [f"# sent_id = s{number}", f"# text = {' '.join(tokens)}", "1-2\tEUs\t" + "\t".join("_" * 8)]
        lines += [
            f"{i}\t{token}\t_\tNOUN\tNN\t_\t0\troot\t_\t_" for i, token in enumerate(tokens, start=1)
        ] + ["1.1\tx\t" + "\t".join("_" * 8), ""]
    return "\n".join(lines).encode()


# as found in practice: trailing blanks, varying columns, comments, headers, a single document
CONLL: Sequence[bytes] = (
    b"TOKEN\tNE-COARSE-LIT\tMISC\n# date = 1890\nAda\tB-X\t_\t\n# page = 2\n#\tO \t\n\nsings\tO\xc2\xa0\n",
    b"#begin document (x); part 000\nx 0 Ada NN *\nx 0 sings VB (V*) *\n\nx 0 . . *\n#end document\n",
    b"-DOCSTART- -X- O\nAda -X- _ B-X\n -X- _ O\nAcme Inc -X- _ B-Y \n\n# newdoc\n# text = a\na\tO\n",
)
CONLLU_PLUS = b"# global.columns = ID FORM UPOS\n# newdoc\n1\tAda\tX\n2-3\tdon't\t_\n2\tdo\t_\n3\tn't\tX\t\n"
FEATURES = "".join(
    f"{number}\tw{number}" + "\t_" * 7 + f"\tSpaceAfter=No|name={tag}\n"
    for number, tag in enumerate("OBI", 1)
).encode()


def jsonl() -> bytes:
    rows = [
        {"id": f"s{i}", "tokens": tokens, "tags": tags, "genre": "news", "n": 1.5}
        for i, (tokens, tags) in enumerate(SENTENCES)
    ]
    return "\n".join(json.dumps(row, ensure_ascii=i == 1) for i, row in enumerate(rows)).encode()


def span_texts() -> Sequence[bytes]:
    """Return texts with spans as doccano, Prodigy and Label Studio write them."""
    rows = [
        {"text": "EU rejects", "spans": [[0, 2, "ORG"]]},
        {"text": "na\u00efve", "spans": [{"start": 0, "end": 5, "label": "X", "text": "na\u00efve"}]},
        {"text": "a b", "spans": [{"result": [{"value": {"start": 0, "end": 1, "labels": ["X"]}}]}]},
    ]
    return "\n".join(map(json.dumps, rows)).encode(), json.dumps(rows).encode()


def long_rows() -> list[tuple[str, str, str]]:
    return [
        (f"s{i}", token, tag)
        for i, (tokens, tags) in enumerate(SENTENCES)
        for token, tag in zip(tokens, tags, strict=True)
    ]


def csv() -> bytes:
    return "\n".join(["sentence,word,tag", *(",".join(row) for row in long_rows())]).encode()


def log(at: Sequence[str]) -> bytes:
    """Return an event log in order of time, with interleaved cases."""
    rows = [f'{at[i % len(at)]};c{i % 3} ;"e{i}";O\u00a0' for i in range(12)]
    return "\n".join(["at;case;event;tag", *rows]).encode()


def xes() -> bytes:
    events = "".join(
        f'<event><string key="concept:name" value="e{i}"><int key="n" value="1"/></string>'
        f'<string key="tag" value="O"/><date key="time:timestamp" value="2026-11-01T09:00:0{i}Z"/></event>'
        for i in range(3)
    )
    traces = "".join(f'<trace><string key="concept:name" value="{n}"/>{events}</trace>' for n in range(3))
    return f'<?xml version="1.0"?><log xmlns="http://www.xes-standard.org/">{traces}</log>'.encode()


def parquet(table: pa.Table, **said: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **said)
    return sink.getvalue()


def lists() -> pa.Table:
    tokens, tags = zip(*SENTENCES, strict=True)
    return pa.table({"id": ["a", "b", "c"], "tokens": tokens, "tags": tags, "genre": ["x", "y", None]})


def classes() -> pa.Table:
    names = ["O", "B-ORG", "B-MISC", "B-PER", "I-PER"]
    feature = {"_type": "Sequence", "feature": {"_type": "ClassLabel", "names": names}}
    numbers = [[names.index(tag) for tag in tags] for _, tags in SENTENCES]
    table = lists().set_column(2, "tags", pa.array(numbers, pa.list_(pa.int64())))
    noted = {"info": {"features": {"tags": feature}}}
    return table.replace_schema_metadata({"huggingface": json.dumps(noted)})


def long() -> pa.Table:
    sentence, word, tag = zip(*long_rows(), strict=True)
    return pa.table({"sentence": sentence, "word": word, "tag": tag})


def predictions() -> pa.Table:
    tokens, tags = zip(*SENTENCES, strict=True)
    sure = pa.array([[0.5] * len(t) for t in tokens], pa.list_(pa.float32()))
    return pa.table(
        {
            "row": [0, 1, 2], "document_id": ["a", "b", "c"],
            "tokens": tokens, "tags": tags, "predicted": tags, "confidence": sure,
            "span_confidence": sure, "unknown": [[False] * len(t) for t in tokens],
            "seen": [False, True, None],
        }
    )  # fmt: skip


def npz() -> bytes:
    sink = io.BytesIO()
    np.savez(sink, allow_pickle=False, a=np.arange(6, dtype=np.float32).reshape(2, 3), b=np.array(7))
    return sink.getvalue()


def pickled_npz() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as file:
        payload = io.BytesIO()
        np.save(payload, np.array([{"a": 1}], dtype=object), allow_pickle=True)
        file.writestr("a.npy", payload.getvalue())
    return sink.getvalue()


def toml() -> list[bytes]:
    here = Path(__file__).resolve().parents[2] / "deployments" / "taggers"
    more = b"""name = "x"
columns = []
[[corpus.sources]]
format = "sql"
url = "${CORPUS_URL}"
query = "SELECT 1"
sequence_column = "s"
token_column = "t"
tag_column = "g"
tag_names = ["O", "B-X"]
split_column = "fold"
split_names = { testa = "dev" }
[schedule]
cron = "0 2 * * mon-fri"
watch = "*/10 8-18 1,15 jan-mar fri#1"
timezone = "Europe/Berlin"
environment = { A = "b" }
[features]
bucket_lengths = [8, 16]
window_overlap = 4
[quality.rules]
over_long = "off"
[gate.renamed_tags]
A = "B"
[train.tag_weights]
O = 0.5
"""
    return [more, *(path.read_bytes() for path in sorted(here.glob("*.toml")))]


def read_toml(path: Path) -> None:
    from seqtag.config import load_tagger

    load_tagger(path)


def read_packed(path: Path) -> None:
    """Pack a mutated file in every supported way, and read each result."""
    for content in packed(path.read_bytes()):
        path.write_bytes(content)
        of_source(".conll.gz", [], format="conll").read(path)


def read_json(path: Path) -> None:
    from seqtag.artifacts import read_json

    read_json(path)


def read_manifest(path: Path) -> None:
    from seqtag.artifacts import require_manifest

    require_manifest(path.parent)


def read_arrays(path: Path) -> None:
    from seqtag.neural.weights import load_arrays

    load_arrays(path)


def read_vectors(path: Path) -> None:
    from seqtag.features.vectors import first_words, read_vectors

    read_vectors(str(path), pa.array(["the", "of", "naïve"]))
    first_words(str(path), 2)


def read_predictions(path: Path) -> None:
    from seqtag.evaluation.predictions import read_predictions

    read_predictions(path, scheme="IOB2")


def read_tag_index(path: Path) -> None:
    from seqtag.features import TagIndex

    TagIndex.load(path.parent)


def read_bundle(path: Path) -> None:
    from seqtag.neural import read_bundle

    read_bundle(path.parent)


def read_seen(path: Path) -> None:
    from seqtag.features import SequenceHashes

    SequenceHashes.read(path).hold(pa.record_batch({"tokens": pa.array([["a", "b"]])}))


def read_brat(path: Path) -> None:
    from seqtag.config.tagger_config import CorpusConfig
    from seqtag.corpus import read_sources

    text = path.with_suffix(".txt")
    text.write_text("Ada of Bath\nspoke to Bo.\n", "utf-8")
    source = {"format": "brat", "path": str(text), "tokenise": "words"}
    exhaust(read_sources(CorpusConfig.model_validate({"sources": [source]})))


def read_input_of_tag(path: Path) -> None:
    from seqtag.cli.tag_input import local_file, read_objects, read_text

    exhaust(read_text(local_file(path)))
    exhaust(read_objects(local_file(path)))


MANIFEST = json.dumps(
    {"step": "split", "inputs": {"a": "b"}, "outputs": {"x.txt": "0" * 64, "y/z": "1"}, "seconds": 1.5}
).encode()
BUNDLE = json.dumps(
    {
        "format": 2, "recipe": "base", "model": {}, "n_words": 5, "n_characters": 5, "n_tags": 3,
        "scheme": "IOB2", "output_scheme": "IOB2", "bucket_lengths": [8], "window_overlap": 2,
        "metric": "span_f1", "seed": 1,
        "best_epoch": 1,
        "dev_score": 0.5, "dev_accuracy": 0.5, "temperature": 1.0, "versions": {"python": "3"},
        "files": {"weights.npz": "0", "words.parquet": "0", "characters.parquet": "0", "tags.json": "0"},
    }
).encode()  # fmt: skip
LONG = {"sequence_column": "sentence", "token_column": "word", "tag_column": "tag"}
LOG = {"sequence_column": "case", "token_column": "event", "tag_column": "tag"}
VECTORS = [b"2 3\nthe 0.1 0.2 0.3\nof 1 -2 3e-1\n", b"the 0.1 0.2\nna\xc3\xafve 1 2\n"]
SEEN = pa.table({"sequence_hash": pa.array([1, 5, 9], pa.uint64())}).replace_schema_metadata(
    {"min_length": "2"}
)

TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        "conll": of_source(".conll", [conll(), b"a\tb\tO\n\nc\td\tB-X\n", *CONLL], format="conll"),
        "conll, declared": of_source(
            ".conll", CONLL, format="conll", comment="#", header=True, n_columns="vary", documents="none"
        ),
        "packed": Target([conll(), *CONLL], read_packed, ".conll.gz"),
        "packed, damaged": of_source(".conll.gz", packed(conll()), format="conll"),
        "conllu": of_source(".conllu", [conllu(), CONLLU_PLUS], format="conllu"),
        "conllu, features": of_source(
            ".conllu", [FEATURES, conllu()], format="conllu", tag_column="MISC", tag_feature="name"
        ),
        "jsonl": of_source(".jsonl", [jsonl()], format="jsonl", id_column="id"),
        "jsonl-spans": of_source(".jsonl", span_texts(), format="jsonl-spans", tokenise="words"),
        "csv": of_source(".csv", [csv(), csv().replace(b",", b";")], format="table", delimiter=",", **LONG),
        "csv, escaped": of_source(
            ".csv",
            [csv(), b'sentence,word,tag\n1,"\\"",O\n1,a\\,b,\\N\n2,"x\\\\",\\y\n'],
            format="table",
            escape="\\",
            **LONG,
        ),
        "log": of_source(
            ".csv",
            [
                log(["2026-11-01T09:00:00.5Z", "2026-11-01 10:00+02:00", "2026-11-01T09:00:00Z"]),
                log(["2026-11-01", "1066-10-14 09:30", "2026-02-30"]),
            ],
            format="table",
            delimiter=";",
            order_column="at",
            rows="interleaved",
            session_gap_minutes=30,
            **LOG,
        ),
        "numbered log": of_source(
            ".csv",
            [log(["1", "2.50", "1e3", "-.5E-2", "10"]), log(["t1", "t10", "t2", ""])],
            format="table",
            delimiter=";",
            order_column="at",
            **LOG,
        ),
        "dated log": of_source(
            ".csv",
            [log(["30-Nov-26 09.00.00.5 AM", "1-Dec-26 12.00.00.25 PM"])],
            format="table",
            delimiter=";",
            order_column="at",
            order_format="%d-%b-%y %I.%M.%S.%f %p",
            rows="interleaved",
            **LOG,
        ),
        "parquet": of_source(
            ".parquet",
            [
                parquet(lists()),
                parquet(lists(), compression="zstd", use_dictionary=False),
                parquet(classes(), store_schema=False),
            ],
            format="parquet",
        ),
        "parquet-long": of_source(".parquet", [parquet(long())], format="parquet-long", **LONG),
        "parallel": of_source(".txt", [b"a b c\nd e\n", b"O B-X O\nO O\n"], format="parallel"),
        "fasta": of_source(".fasta", [b">a x\nMKV\nHHC\n\n>b\nMK\nH\n>c\nM\n"], format="fasta"),
        "brat": Target([b"T1\tPER 0 3;7 11\tAda Bath\nR1\tx Arg1:T1\nT2\tX 12 17\n"], read_brat, ".ann"),
        "xes": of_source(".xes", [xes()], format="xes", tag_column="tag", order_column="time:timestamp"),
        "vectors": Target(VECTORS, read_vectors, ".txt"),
        "tagger": Target(toml(), read_toml, ".toml"),
        "json": Target([MANIFEST, BUNDLE], read_json, ".json"),
        "manifest": Target([MANIFEST], read_manifest, "/manifest.json"),
        "weights": Target([npz(), pickled_npz()], read_arrays, ".npz"),
        "bundle": Target([BUNDLE], read_bundle, "/bundle.json"),
        "tag set": Target(
            [b'{"tags": ["O", "B-X"], "scheme": "IOB2", "counts": {"O": 3}}'], read_tag_index, "/tags.json"
        ),
        "predictions": Target([parquet(predictions())], read_predictions, ".parquet"),
        "seen": Target([parquet(SEEN)], read_seen, ".parquet"),
        "seqtag tag": Target([jsonl(), b"a b c\n\nd e\n"], read_input_of_tag, ".txt"),
    }
)

"""A corpus in a bucket of a real S3 server."""

from __future__ import annotations

import fsspec
import pytest

from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import read_sources, source_digests
from seqtag.errors import ConfigError

CORPUS = CorpusConfig.model_validate({"sources": [{"format": "conll", "path": "s3://corpora/ner/*.conll"}]})


def tokens() -> list[str]:
    return [token for batch in read_sources(CORPUS) for row in batch["tokens"].to_pylist() for token in row]


def test_a_bucket_is_listed_afresh_on_every_read(bucket):
    bucket.put("ner/a.conll", "a O\n")
    assert tokens() == ["a"]
    before = source_digests(CORPUS)

    bucket.put("ner/a.conll", "a O\nb O\n")
    bucket.put("ner/b.conll", "c O\n")
    assert tokens() == ["a", "b", "c"]
    assert source_digests(CORPUS) != before


def test_a_missing_bucket_is_an_error_that_names_it(bucket):
    with pytest.raises(ConfigError, match=r"'s3://corpora/ner/\*.conll' matches no file"):
        tokens()


def test_an_unreachable_store_is_a_transient_error(bucket):
    bucket.put("ner/a.conll", "a O\n")
    reading = read_sources(CORPUS)
    bucket.server.stop()

    with pytest.raises(ConnectionError, match=r"'a\.conll' cannot be reached: EndpointConnectionError"):
        next(reading)
    with pytest.raises(ConnectionError, match="cannot be reached: EndpointConnectionError"):
        source_digests(CORPUS)


def test_missing_credentials_are_reported_at_once(bucket, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    fsspec.get_filesystem_class("s3").clear_instance_cache()

    with pytest.raises(ConfigError, match="cannot be opened: NoCredentialsError"):
        tokens()

"""The watch flow on sources in an S3 bucket."""

from datetime import date

import pytest

from flows.watch import watch
from seqtag import steps
from seqtag.config import load_tagger
from seqtag.steps import Workspace
from tests.live_services import corpus, written
from tests.object_store import Bucket

pytestmark = pytest.mark.usefixtures("server")


def test_a_change_in_a_bucket_is_reported_once(workspace: Workspace, bucket: Bucket, tmp_path) -> None:
    (tmp_path / "deployments" / "taggers").mkdir(parents=True)
    tagger = str(written(tmp_path, "", source='"jsonl"\npath = "s3://corpora/clicks/*.jsonl"'))

    def seen() -> str:
        return watch(tagger, return_state=True).name

    bucket.put("clicks/1.jsonl", corpus(drawn=1))
    assert [seen(), seen()] == ["Changed", "Unchanged"]
    bucket.put("clicks/2.jsonl", corpus(drawn=2))
    assert [seen(), seen()] == ["Changed", "Unchanged"]
    bucket.put("clicks/1.jsonl", corpus(drawn=3))
    config = load_tagger(tagger)
    snapshot = steps.ingest(config, workspace)
    steps.open_run(config, snapshot, workspace, as_of=date(2026, 1, 31))
    assert seen() == "Unchanged"


def test_data_that_only_monitoring_has_read_still_count_as_a_change(
    workspace: Workspace, bucket: Bucket, tmp_path
) -> None:
    (tmp_path / "deployments" / "taggers").mkdir(parents=True)
    tagger = str(written(tmp_path, "", source='"jsonl"\npath = "s3://corpora/clicks/*.jsonl"'))
    bucket.put("clicks/1.jsonl", corpus(drawn=4))
    steps.ingest(load_tagger(tagger), workspace)
    assert watch(tagger, return_state=True).name == "Changed"


def test_a_missing_source_is_a_failure_and_not_a_change(
    workspace: Workspace, bucket: Bucket, tmp_path
) -> None:
    (tmp_path / "deployments" / "taggers").mkdir(parents=True)
    tagger = str(written(tmp_path, "", source='"jsonl"\npath = "s3://corpora/missing.jsonl"'))
    assert watch(tagger, return_state=True).name == "ConfigurationError"

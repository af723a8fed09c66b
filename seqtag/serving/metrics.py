"""Prometheus metrics of the model server."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector


class ServingMetrics:
    """Metrics of one server, in a registry that belongs to it."""

    def __init__(self) -> None:
        self.registry = of = CollectorRegistry()
        ProcessCollector(registry=of)  # resident memory, CPU seconds, open files
        self.requests = Counter("seqtag_requests", "Requests by HTTP status.", ["status"], registry=of)
        self.seconds = Histogram("seqtag_request_seconds", "Time until the answer begins.", registry=of)
        self.tokens = Counter("seqtag_tokens", "Tokens that were tagged.", registry=of)
        self.batch = Histogram(
            "seqtag_batch_sequences",
            "Sequences of a prediction, which may answer several requests.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=of,
        )
        self.version = Gauge("seqtag_served_version", "Version in service.", ["model_name"], registry=of)
        self.swaps = Counter(
            "seqtag_swaps", "New versions: swapped, or refused by the smoke test.", ["outcome"], registry=of
        )
        self.last_poll = Gauge(
            "seqtag_last_poll_timestamp_seconds", "Last successful poll of the registry.", registry=of
        )
        self.poll_failures = Counter("seqtag_poll_failures", "Failed polls of the registry.", registry=of)
        self.shadow_tokens = Counter(
            "seqtag_shadow_tokens", "Tokens that the challenger tagged, too.", ["tag"], registry=of
        )  # tag: the champion's
        self.disagreements = Counter(
            "seqtag_shadow_disagreements", "Those on which the challenger disagrees.", ["tag"], registry=of
        )
        self.shadow_skipped = Counter(
            "seqtag_shadow_skipped_sequences", "Sampled sequences that were not compared.", registry=of
        )
        self.lost = Counter(
            "seqtag_lost_log_sequences", "Sequences that could not be logged.", ["log"], registry=of
        )

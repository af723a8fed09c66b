"""Prometheus metrics of the model server."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector


class ServingMetrics:
    """Metrics of one server, in a registry that belongs to it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # resident memory, CPU seconds, open files
        self.requests = Counter(
            "seqtag_requests", "Requests for tags.", ["status"], registry=self.registry
        )  # status: of HTTP
        self.seconds = Histogram(
            "seqtag_request_seconds", "Time to answer a request for tags.", registry=self.registry
        )
        self.tokens = Counter("seqtag_tokens", "Tokens that were tagged.", registry=self.registry)
        self.batch = Histogram(
            "seqtag_batch_sequences",
            "Sequences of a prediction, which may answer several requests.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=self.registry,
        )
        self.version = Gauge(
            "seqtag_served_version", "Version that answers.", ["model_name"], registry=self.registry
        )
        self.swaps = Counter(
            "seqtag_swaps",
            "New champions by outcome: swapped, refused by the smoke test, or failed and tried again.",
            ["outcome"],
            registry=self.registry,
        )
        self.shadow_tokens = Counter(
            "seqtag_shadow_tokens",
            "Tokens that the challenger tagged too, by the champion's tag.",
            ["tag"],
            registry=self.registry,
        )
        self.disagreements = Counter(
            "seqtag_shadow_disagreements", "Those of them with another tag.", ["tag"], registry=self.registry
        )
        self.lost = Counter(
            "seqtag_lost_log_sequences",
            "Sequences that could not be logged or compared.",
            ["log"],
            registry=self.registry,
        )

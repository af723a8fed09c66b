"""Tracking, versions and aliases in MLflow, which is opened nowhere else."""

from seqtag.registry.artifact import bundle_digest, serving_digest
from seqtag.registry.commands import mlflow_environment, page_command, serve_command
from seqtag.registry.infra import Findings, failures
from seqtag.registry.records import Champion, Entry, Judgement, Occasion, Registration, Version
from seqtag.registry.registry import Registry
from seqtag.registry.store import sqlite_url

__all__ = [
    "Champion",
    "Entry",
    "Findings",
    "Judgement",
    "Occasion",
    "Registration",
    "Registry",
    "Version",
    "bundle_digest",
    "failures",
    "mlflow_environment",
    "page_command",
    "serve_command",
    "serving_digest",
    "sqlite_url",
]

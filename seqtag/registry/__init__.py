"""Model registry: tracked runs, versions, aliases and the ledger. The only package that opens MLflow."""

from seqtag.registry.database import sqlite_url
from seqtag.registry.mlflow_commands import mlflow_environment, page_command
from seqtag.registry.model_artifact import bundle_digest, serving_digest
from seqtag.registry.promotion import block_text
from seqtag.registry.registry import Registry
from seqtag.registry.scoring import Predict, ScoringModel
from seqtag.registry.smoke_findings import SmokeFindings, failures
from seqtag.registry.types import (
    AuditContext,
    Champion,
    Entry,
    Registration,
    RegistryDecision,
    Standing,
    Version,
)
from seqtag.registry.version_status import version_status

__all__ = [
    "AuditContext",
    "Champion",
    "Entry",
    "Predict",
    "Registration",
    "Registry",
    "RegistryDecision",
    "ScoringModel",
    "SmokeFindings",
    "Standing",
    "Version",
    "block_text",
    "bundle_digest",
    "failures",
    "mlflow_environment",
    "page_command",
    "serving_digest",
    "sqlite_url",
    "version_status",
]

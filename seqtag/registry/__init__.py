"""Tracking, versions and aliases in MLflow, which is opened nowhere else."""

from seqtag.registry.artifact import bundle_digest
from seqtag.registry.records import Champion, Registration, Version
from seqtag.registry.registry import Registry
from seqtag.registry.store import sqlite_url

__all__ = ["Champion", "Registration", "Registry", "Version", "bundle_digest", "sqlite_url"]

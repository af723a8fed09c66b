"""Parquet row groups, hashes of strings, and counts of hashes."""

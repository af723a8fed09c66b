"""Workarounds for defects of Prefect, one in each file, which goes when its test says so."""

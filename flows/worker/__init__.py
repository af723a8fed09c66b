"""The Prefect worker, which coalesces late runs and recovers stuck ones."""

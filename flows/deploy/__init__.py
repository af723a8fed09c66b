"""Deployments and automations on a Prefect server."""

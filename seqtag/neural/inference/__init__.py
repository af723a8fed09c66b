"""Tagging with a trained network."""

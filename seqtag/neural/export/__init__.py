"""Bundles and SavedModels on disk."""

"""Readers of source formats, one module each, which yield sequences as batches of the corpus schema."""

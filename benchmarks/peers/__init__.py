"""Contenders of the benchmarks, each run in a fresh process: `python -m peers MODULE FUNCTION JSON`."""

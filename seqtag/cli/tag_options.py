"""Formats that `seqtag tag` reads and writes."""

from __future__ import annotations

from enum import StrEnum


class InputFormat(StrEnum):
    """Formats of sequences without tags."""

    text = "text"  # one sequence per line, tokens separated by spaces and tabs
    jsonl = "jsonl"  # one JSON object per line with an array `tokens`, or one array of strings
    jsonl_spans = "jsonl-spans"  # objects with a text, which the rule of the tagger's source cuts into tokens
    conll = "conll"  # one token per line, in columns; a blank line ends a sequence
    conllu = "conllu"
    csv = "csv"  # one token per row, with a header
    parquet = "parquet"  # one list of tokens per row
    fasta = "fasta"  # a name, residues, and possibly labels, a line each
    xes = "xes"  # an event log; an event is a token


class OutputFormat(StrEnum):
    """Formats of tagged sequences."""

    conll = "conll"  # `token<TAB>tag` per line; an empty line ends a sequence
    text = "text"  # the tags of a sequence per line
    csv = "csv"  # one token per row
    jsonl = "jsonl"  # one object per line
    parquet = "parquet"  # one sequence per row
    fasta = "fasta"  # a name, the tokens and the tags of a sequence, a line each

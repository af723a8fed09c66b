"""One file per format: each gives the sequences of one source file as batches of the corpus schema."""

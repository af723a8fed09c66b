"""Training: batches, the optimizer, checkpoints and the loop."""

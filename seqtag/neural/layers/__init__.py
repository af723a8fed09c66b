"""Keras layers of the encoders."""

"""Background services of this machine."""

"""A small tagger that trains in seconds."""

from pathlib import Path

TAGGER = """
name = "{name}"
seed = {seed}

[[corpus.sources]]
format = "sample"
n_sequences = 200

[train]
max_epochs = 1

[gate]
floor = {floor}
"""


class Taggers:
    """Writer of TOML files of small taggers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, *, name: str = "small", seed: int = 1, floor: float = 0.05, more: str = "") -> str:
        path = self.folder / f"{name}.toml"
        path.write_text(TAGGER.format(name=name, seed=seed, floor=floor) + more)
        return str(path)

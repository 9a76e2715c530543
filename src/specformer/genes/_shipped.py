"""The genes of the checkpoint that comes with the package."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import as_file, files

from specformer.genes._vocabulary import GeneVocabulary

DEFAULT_CHECKPOINT = "specformer-mini"


@lru_cache(maxsize=1)
def shipped_vocabulary() -> GeneVocabulary | None:
    """The default checkpoint's vocabulary, read without its weights; None in a build that ships no checkpoint."""
    directory = files("specformer") / "checkpoints" / DEFAULT_CHECKPOINT
    if not ((directory / "genes.csv").is_file() and (directory / "config.json").is_file()):
        return None
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    with as_file(directory / "genes.csv") as path:
        return GeneVocabulary.read(path, weighting=config["weighting"], n_obs=config["n_reference_obs"])

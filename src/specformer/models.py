"""The checkpoints that there are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from specformer.genes import DEFAULT_CHECKPOINT, N_SPECIAL
from specformer.model._registry import DOWNLOADS, cached, shipped

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["available"]

COLUMNS = ("is_default", "source", "megabytes", "n_layers", "hidden_size", "n_genes", "n_dims", "weighting", "token")


def available() -> pd.DataFrame:
    """List the checkpoints that `sf.tl.specformer_embed` and `sf.model.load` know by name.

    Returns
    -------
    One row a checkpoint, indexed by name: `is_default`, `source` (`"shipped"` in the package, `"cached"` or
    `"download"`), `megabytes` of its weights, `n_layers`, `hidden_size`, `n_genes`, `n_dims` of a sample's vector,
    `weighting` and `token`. What is not known before a download is missing.

    Examples
    --------
    >>> import specformer as sf
    >>> sf.models.available().index.tolist()  # doctest: +SKIP
    ['specformer-mini']
    """
    rows = {name: {"source": "shipped", **_described(path)} for name, path in shipped().items()}
    for name in DOWNLOADS:
        at_hand = (cached(name) / "config.json").is_file()
        rows[name] = {"source": "cached", **_described(cached(name))} if at_hand else {"source": "download"}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS).rename_axis("name")
    table["is_default"] = table.index == DEFAULT_CHECKPOINT
    return table.convert_dtypes()


def _described(path: Path) -> dict[str, Any]:
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    return {
        "megabytes": round((path / "model.safetensors").stat().st_size / 1e6, 1),
        "n_layers": config["num_hidden_layers"],
        "hidden_size": config["hidden_size"],
        "n_genes": config["vocab_size"] - N_SPECIAL,
        "n_dims": config["n_dims"],
        "weighting": config["weighting"],
        "token": config["token"],
    }

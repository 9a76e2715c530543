"""Write the tiny checkpoint that every later version has to read, with the vectors it has to give: run once per format.

    python scripts/make_format_fixture.py tests/data

Weights are random. What is there already is left alone: a fixture that is made anew proves nothing.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from anndata import AnnData

import specformer as sf
from specformer.genes import N_SPECIAL
from specformer.model import Head, SpecformerConfig, SpecformerForSamples, save, save_head
from specformer.model._config import CHECKPOINT_FORMAT

N_GENES, N_OBS = 24, 5
RECIPES = {
    "published": {},
    "anchored": {
        "token": "film",
        "cls_token": True,
        "window_embedding": "cls",
        "pooling": "gated_attention",
        "n_anchor": 4,
        "n_dims": 3,
        "noise_variance": 0.4,
    },
}


def main() -> None:
    """Make the checkpoints of this format."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder / f"checkpoint_format_{CHECKPOINT_FORMAT}"
    if folder.exists():
        parser.exit(1, f"{folder} is there already, and stays as it is.\n")
    cohort = counts()
    genes = sf.train.build_vocabulary(cohort, weighting="median")
    for name, recipe in RECIPES.items():
        torch.manual_seed(0)
        model = SpecformerForSamples(
            SpecformerConfig(
                vocab_size=len(genes) + N_SPECIAL, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                intermediate_size=8, window_size=8, stride=4, **recipe,
            )
        )  # fmt: skip
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) / 5)
        if recipe:
            model.set_anchor(torch.randn(len(genes), 4) / 3, torch.randn(4, 3))
        path = save(folder / name, model, genes, card="# Random weights\n", membership=["sample0"])
        torch.manual_seed(1)
        head = Head("classification", ["a", "b"], model.config.n_dims)
        torch.nn.init.normal_(head.layers[0].weight)
        save_head(head, path / "heads" / "letter")
        adata = sf.tl.specformer_embed(cohort, path, copy=True)
        expected = {
            "counts": cohort.X.astype(int).tolist(),
            "genes": cohort.var_names.tolist(),
            "vectors": adata.obsm["X_specformer"].astype(float).round(7).tolist(),
            "probabilities": head.predict(adata.obsm["X_specformer"]).astype(float).round(7).tolist(),
        }
        (path / "expected.json").write_text(json.dumps(expected) + "\n", encoding="utf-8")


def counts() -> AnnData:
    """A few counts, with names that are not in the vocabulary's order."""
    rng = np.random.default_rng(0)
    names = [f"ENSG{i:011d}" for i in rng.permutation(N_GENES)]
    X = rng.negative_binomial(2, 0.02, (N_OBS, N_GENES)).astype(np.float32)
    return AnnData(X, obs=pd.DataFrame(index=[f"sample{i}" for i in range(N_OBS)]), var=pd.DataFrame(index=names))


if __name__ == "__main__":
    main()

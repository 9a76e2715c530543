"""Trained baselines on AnnData: any gene names, any unit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safetensors.torch import load_model, save_model

from specformer._checks import require_one_of
from specformer._logging import timed
from specformer.baselines._binned_masked import BinnedMaskedModel
from specformer.baselines._count_autoencoder import CountAutoencoder
from specformer.baselines._fit import linear_matrix, own_vocabulary
from specformer.baselines._generative import AdversarialNetwork, VariationalAutoencoder
from specformer.baselines._trained import chosen_device
from specformer.baselines._truncated_window import TruncatedWindow
from specformer.genes import GeneVocabulary

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from anndata import AnnData

    from specformer.baselines._trained import TrainedBaseline

METHODS: dict[str, type[TrainedBaseline]] = {
    "vae": VariationalAutoencoder,
    "gan": AdversarialNetwork,
    "binned_masked": BinnedMaskedModel,
    "count_autoencoder": CountAutoencoder,
    "truncated_window": TruncatedWindow,
}
"""Baselines by name."""


@dataclass(frozen=True, eq=False)
class TrainedEmbedder:
    """A trained baseline with the gene names it knows; called with an AnnData it gives one vector a sample."""

    model: TrainedBaseline
    """The baseline on arrays; its genes are called by `vocabulary.ids`."""
    vocabulary: GeneVocabulary
    """The genes by all their names."""

    def __call__(self, adata: AnnData, layer: str | None = None) -> np.ndarray:
        """Embed samples: float32 (n_obs, n_dims)."""
        return self.model.transform(*linear_matrix(adata, self.vocabulary, layer))

    def write(self, path: Path) -> None:
        """Write a directory with `genes.csv`, `config.json` and `model.safetensors`."""
        path.mkdir(parents=True, exist_ok=True)
        self.vocabulary.write(path / "genes.csv")
        config = {
            "method": next(name for name, kind in METHODS.items() if isinstance(self.model, kind)),
            "sizes": self.model.sizes,
            "genes": self.model.genes.tolist(),
            "history": self.model.history,
        }
        (path / "config.json").write_text(json.dumps(config) + "\n", encoding="utf-8")
        save_model(self.model, str(path / "model.safetensors"))

    @classmethod
    def read(cls, path: Path) -> TrainedEmbedder:
        """Read what `write` wrote."""
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        model = METHODS[config["method"]](config["genes"], **config["sizes"])
        load_model(model, path / "model.safetensors")
        model.history = config["history"]
        return cls(model.to(chosen_device()).eval(), GeneVocabulary.read(path / "genes.csv"))


def fit_trained(
    adata: AnnData,
    *,
    method: str = "vae",
    rng: int = 0,
    steps: int | None = 2000,
    minutes: float | None = None,
    layer: str | None = None,
    vocabulary: GeneVocabulary | None = None,
    **sizes: Any,
) -> TrainedEmbedder:
    """Train a baseline on training samples, on the device of `sf.settings.device`.

    Parameters
    ----------
    adata
        Training samples, in any unit that can be made linear. Labels are not read.
    method
        `"vae"`, `"gan"`: :class:`VariationalAutoencoder` and :class:`AdversarialNetwork`; `"binned_masked"`:
        :class:`BinnedMaskedModel`, after BulkRNABert; `"count_autoencoder"`: :class:`CountAutoencoder`, after TxFM;
        `"truncated_window"`: :class:`TruncatedWindow`, after Geneformer.
    rng
        Seed. On a CPU the same seed and number of steps give the same bits; a budget in minutes does not.
    steps, minutes
        Batches to learn from and time (of the processor) to learn for; whichever ends first. None is no limit.
    layer
        Read `adata.layers[layer]` instead of `adata.X`.
    vocabulary
        Names of the genes. By default from `adata.var`: its columns `symbol`, `ensembl` and `entrez`, or `var_names`
        alone, by which other cohorts must then call their genes.
    **sizes
        Of the network; see its class.

    Returns
    -------
    The fitted embedder; nothing is written. Give it to :func:`linear_embed` with a `key_added`, or call it.

    Raises
    ------
    ValueError
        If the method is unknown, values cannot be made linear, or there is no budget.

    Examples
    --------
    >>> import anndata as ad
    >>> adata = ad.AnnData(np.random.default_rng(0).poisson(20, size=(30, 50)).astype("float32"))
    >>> adata.var_names = [f"GENE{i}" for i in range(50)]
    >>> fit_trained(adata, method="vae", steps=10)(adata[:, :25]).shape
    (30, 32)
    """
    require_one_of("method", method, tuple(METHODS))
    vocabulary = own_vocabulary(adata) if vocabulary is None else vocabulary
    with timed(f"training {method} on {adata.n_obs:,} samples") as notes:
        X, genes = linear_matrix(adata, vocabulary, layer)
        model = METHODS[method].fit(X, genes, rng=rng, steps=steps, minutes=minutes, **sizes)
        notes.append(
            f"{len(model.history):,} steps, the loss {model.history[0]:.4g} at first, {model.history[-1]:.4g} at last"
        )
    return TrainedEmbedder(model, vocabulary)

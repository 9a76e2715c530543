"""Writing a checkpoint: whole or not at all."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.torch import save_file

from specformer._atomic import atomic_directory
from specformer.model._checkpoint import (
    CARD,
    CONFIG,
    GENES,
    MEMBERSHIP,
    WEIGHTS,
    require_as_many_genes,
    sha256_of,
    tied_weights,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

    from specformer.genes import GeneVocabulary
    from specformer.model._encoder import SpecformerPreTrainedModel


def save(
    directory: str | Path,
    model: SpecformerPreTrainedModel,
    genes: GeneVocabulary,
    *,
    card: str | None = None,
    membership: Iterable[str] | None = None,
    dtype: torch.dtype | None = None,
) -> Path:
    """Write a checkpoint, replacing the one that may be there only when all of it is on disk.

    Parameters
    ----------
    directory
        Where to.
    model
        Any SpecFormer model; its config is written with it.
    genes
        The vocabulary, with the statistics that rank its genes; `weighting` and `n_obs` go into the config.
    card
        Text of the model card.
    membership
        Ids of the samples seen in pretraining, written as sorted SHA-256 hashes: a user can ask whether a sample was
        among them, and nobody can read who was.
    dtype
        Precision of matrices on disk, such as `torch.float16` for half the size; vectors stay as they are. None keeps
        the model's. `load` always gives float32.

    Returns
    -------
    The directory.

    Raises
    ------
    ValueError
        If model and vocabulary disagree, or weights are not finite.
    """
    require_as_many_genes(genes, model.config, "The vocabulary")
    directory = Path(directory)
    with atomic_directory(directory) as written:
        save_file(_weights(model, dtype), written / WEIGHTS, metadata={"format": "pt"})
        genes.write(written / GENES)
        config = model.config.to_dict() | {
            "architectures": [type(model).__name__],
            "weighting": genes.weighting or model.config.weighting,
            "n_reference_obs": genes.n_obs or model.config.n_reference_obs,
            "dtype": None,
            "weights_sha256": sha256_of(written / WEIGHTS),
            "genes_sha256": sha256_of(written / GENES),
        }
        (written / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        if card is not None:
            (written / CARD).write_text(card, encoding="utf-8")
        if membership is not None:
            (written / MEMBERSHIP).write_text("\n".join(["sha256", *hashed(membership), ""]), encoding="utf-8")
    return directory


def hashed(sample_ids: Iterable[str]) -> list[str]:
    """SHA-256 of each id, sorted: what `membership.csv` holds."""
    return sorted({hashlib.sha256(str(sample_id).encode()).hexdigest() for sample_id in sample_ids})


def _weights(model: SpecformerPreTrainedModel, dtype: torch.dtype | None) -> dict[str, torch.Tensor]:
    weights = {}
    for name, tensor in model.state_dict().items():
        if name in tied_weights(model):
            continue
        is_matrix = tensor.is_floating_point() and tensor.ndim >= 2
        weights[name] = tensor.to("cpu", dtype if dtype and is_matrix else tensor.dtype).contiguous()
        if tensor.is_floating_point() and not weights[name].isfinite().all():
            msg = f"The weights {name!r} are not finite in {weights[name].dtype}; nothing was written."
            raise ValueError(msg)
    return weights

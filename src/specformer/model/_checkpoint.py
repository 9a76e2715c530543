"""A checkpoint on disk: a directory of plain files, checked before it is believed.

`config.json` (architecture, recipe, hash of the weights), `model.safetensors`, `genes.csv` (the vocabulary with its
frozen statistics), `README.md` (model card), `membership.csv` (hashed ids of the samples seen in pretraining).
"""

from __future__ import annotations

import hashlib
from pathlib import Path  # noqa: TC003  (a field of a public tuple)
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np
import torch

from specformer._checks import shown
from specformer.genes import N_SPECIAL, GeneVocabulary
from specformer.model._config import SpecformerConfig  # noqa: TC001  (a field of a public tuple)
from specformer.model._encoder import SpecformerPreTrainedModel
from specformer.model._read import AGAIN, misfits, read_weights, sha256_of, stored_shapes
from specformer.model._read_config import read_config
from specformer.model._registry import locate
from specformer.model._samples import SpecformerForSamples

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONFIG, WEIGHTS, GENES, CARD, MEMBERSHIP = (
    "config.json",
    "model.safetensors",
    "genes.csv",
    "README.md",
    "membership.csv",
)
PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")
# Parts of a checkpoint that only some models have: read by those, passed over by the others.
OPTIONAL_PARTS = ("head.", "pooling.", "anchor.", "query.", "residual.")

Model = TypeVar("Model", bound=SpecformerPreTrainedModel)


class Pretrained(NamedTuple, Generic[Model]):
    """A loaded checkpoint."""

    model: Model
    """In evaluation mode, float32, on the CPU."""
    genes: GeneVocabulary
    config: SpecformerConfig
    path: Path
    sha256: str
    """Of `model.safetensors`."""


def load(
    name_or_path: str | Path | None = None,
    model_class: type[Model] = SpecformerForSamples,  # type: ignore[assignment]
    *,
    pooling: str | None = None,
    window_embedding: str | None = None,
) -> Pretrained[Model]:
    """Load a checkpoint by name (see `sf.models.available()`) or from a directory, after checking it.

    Parameters
    ----------
    name_or_path
        None is the one that comes with the package.
    model_class
        What to make of it: `SpecformerForSamples` embeds, `SpecformerForMaskedGenes` predicts genes.
    pooling
        Another way from windows to a sample than the checkpoint's default; needs weights trained for it, but for
        `"mean"`.
    window_embedding
        Another vector of a window than the checkpoint's default: `"mean"` of its genes, or its `"cls"` token, where it
        has one. For heads on windows; the vectors of samples were trained with the default.

    Returns
    -------
    `Pretrained(model, genes, config, path, sha256)`.

    Raises
    ------
    FileNotFoundError
        If there is no such checkpoint, or a file of it is missing.
    ValueError
        If what is there is not a checkpoint of this package, is damaged, or was made by a later one.

    Examples
    --------
    >>> import specformer as sf
    >>> model, genes, *_ = sf.model.load("my_checkpoint")  # doctest: +SKIP
    """
    path = locate(name_or_path)
    _require_files(path)
    config, raw = read_config(path / CONFIG, pooling=pooling, window_embedding=window_embedding)
    genes = GeneVocabulary.read(path / GENES, weighting=config.weighting, n_obs=config.n_reference_obs)
    require_as_many_genes(genes, config, f"{path / GENES}")
    sha256 = _require_hash(path / WEIGHTS, raw.get("weights_sha256"))
    if raw.get("genes_sha256") is not None:
        _require_hash(path / GENES, raw["genes_sha256"])
    _require_fit(path / WEIGHTS, model_class, config)
    with torch.random.fork_rng(devices=[]):  # the weights drawn here are overwritten; the user's stream stays
        model = model_class(config)
    _fill(model, path / WEIGHTS)
    return Pretrained(model.eval(), genes, config, path, sha256)


def seen_in_pretraining(path: Path, sample_ids: Iterable[str]) -> np.ndarray:
    """Which of `sample_ids` were in pretraining, by name, bool (n,); all False where a checkpoint does not say."""
    sample_ids = list(sample_ids)
    if not (path / MEMBERSHIP).is_file():
        return np.zeros(len(sample_ids), dtype=bool)
    seen = set((path / MEMBERSHIP).read_text(encoding="utf-8").split()[1:])
    return np.array([hashlib.sha256(str(name).encode()).hexdigest() in seen for name in sample_ids], dtype=bool)


def tied_weights(model: SpecformerPreTrainedModel) -> Mapping[str, str]:
    """Weights that are stored under another name."""
    return model._tied_weights_keys or {}


def _require_files(path: Path) -> None:
    missing = [name for name in (CONFIG, WEIGHTS, GENES) if not (path / name).is_file()]
    pickles = sorted(file.name for pattern in PICKLES for file in path.glob(pattern))
    if WEIGHTS in missing and pickles:
        msg = (
            f"{path} holds its weights as {shown(pickles)}, a pickle, which can run any code when it is read. "
            f"Where you trust it, read it with `torch.load` and `weights_only=True`, and write {WEIGHTS!r} with "
            "`safetensors.torch.save_file`."
        )
        raise ValueError(msg)
    if missing:
        found = shown(sorted(file.name for file in path.iterdir())) or "nothing"
        msg = f"{path} is no checkpoint: it lacks {shown(missing)}. It holds: {found}."
        raise FileNotFoundError(msg)


def _require_hash(path: Path, recorded: object) -> str:
    sha256 = sha256_of(path)
    if recorded not in (None, sha256):
        msg = (
            f"{path} has SHA-256 {sha256[:12]}..., but its config.json says {str(recorded)[:12]}...: "
            f"the file is truncated, damaged or from another checkpoint. {AGAIN}"
        )
        raise ValueError(msg)
    return sha256


def require_as_many_genes(genes: GeneVocabulary, config: SpecformerConfig, what: str) -> None:
    if len(genes) != config.n_genes:
        msg = (
            f"{what} has {len(genes):,} genes; the model's `vocab_size` of {config.vocab_size:,} means "
            f"{config.n_genes:,} genes and {N_SPECIAL} special tokens."
        )
        raise ValueError(msg)


def _require_fit(path: Path, model_class: type[SpecformerPreTrainedModel], config: SpecformerConfig) -> None:
    """Compare the file's header with a model that takes no memory: a config may promise any size."""
    found = stored_shapes(path)
    if config.num_hidden_layers > len(found):
        msg = f"{path} does not fit its config.json: it holds {len(found):,} tensors, for {config.num_hidden_layers:,} layers."
        raise ValueError(msg)
    try:
        with torch.device("meta"):
            model = model_class(config)
    except RuntimeError as error:  # more elements than a number can count
        msg = f"{path.parent / CONFIG} describes no model that can be built ({error}). {AGAIN}"
        raise ValueError(msg) from None
    expected = {name: tuple(tensor.shape) for name, tensor in _untied(model).items()}
    for what, names in misfits(found, expected).items():
        if what == "should not hold":
            names = [name for name in names if not name.startswith(OPTIONAL_PARTS)]
        if names:
            msg = f"{path} does not fit its config.json: for a {model_class.__name__} it {what} {shown(names)}."
            if what == "lacks" and names[0].startswith("pooling."):
                msg += f" {config.pooling!r} pooling was not trained with it; set `pooling` to 'mean' there."
            raise ValueError(msg)


def _fill(model: SpecformerPreTrainedModel, path: Path) -> None:
    weights = read_weights(path)
    # Tied weights are one tensor under two names, of which the file has one.
    model.load_state_dict({name: weights[name].float() for name in _untied(model)}, strict=False)


def _untied(model: SpecformerPreTrainedModel) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in model.state_dict().items() if name not in tied_weights(model)}

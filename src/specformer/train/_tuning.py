"""Encoder and head trained together: which weights move, the descent, and what is kept of it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from specformer._settings import settings
from specformer.model import GenePanel, fast_inference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

    from specformer.genes import GeneVocabulary
    from specformer.model import Head, SpecformerForSamples
    from specformer.train._head_linear import Problem
    from specformer.train._store import RankStore

AT_ONCE = 16
# The layers' own maps; the embedding of genes and the anchor's query stay as pretrained.
LORA_MODULES = r".*bert\.encoder\..*\.(query|key|value|dense)"
ALWAYS = ("pooling.", "residual.")


class Encoding(NamedTuple):
    """A model, the genes at hand, and ranked samples to encode."""

    model: SpecformerForSamples
    panel: GenePanel
    ranks: np.ndarray
    n_expressed: np.ndarray
    windows: bool
    """Whether the vectors of windows are asked for, not those of samples."""

    @classmethod
    def of(cls, model: SpecformerForSamples, genes: GeneVocabulary, store: RankStore, *, windows: bool) -> Encoding:
        """All samples of a store."""
        return cls(model, GenePanel(model, genes, store.genes), np.asarray(store.ranks), store.n_expressed, windows)

    def all(self, rows: np.ndarray) -> np.ndarray:
        """Every window of some samples, without gradient: float32 (n, n_dims) or (n, n_windows, hidden_size)."""
        parts = []
        with torch.no_grad(), fast_inference(self.model.eval()) as encode:
            for at in np.array_split(rows, -(-len(rows) // AT_ONCE)):
                inputs = self.panel.inputs(self.ranks[at], self.n_expressed[at])
                parts.append(self._taken(self.model(**inputs, encode=encode)).float().cpu().numpy())
        return np.concatenate(parts)

    def some(self, rows: np.ndarray, starts: np.ndarray) -> torch.Tensor:
        """Some windows of some samples, to be differentiated."""
        inputs = self.panel.inputs(self.ranks[rows], self.n_expressed[rows], starts=starts)
        return self._taken(self.model(**inputs))

    def _taken(self, output: Any) -> torch.Tensor:
        return output.window_vectors if self.windows else output.vector


def tune(
    encoding: Encoding,
    head: Head,
    train: Problem,
    val: Problem,
    rows: tuple[np.ndarray, np.ndarray],
    *,
    learning_rate: float,
    head_learning_rate: float,
    weight_decay: float,
    max_epochs: int,
    patience: int,
    batch_size: int,
    n_windows: int | None,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Train both in place, keep the epoch that serves validation patients best, the untouched one among them."""
    from tqdm.auto import tqdm

    model, starts = encoding.model, encoding.panel.starts
    moving = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [{"params": moving, "lr": learning_rate}, {"params": head.parameters(), "lr": head_learning_rate}],
        weight_decay=weight_decay,
    )
    device = model.device
    head.to(device)
    train, val = train.single(), val.single()
    losses = [_loss(encoding, head, val, rows[1])]
    best, kept = 0, _copies(model, head)
    for epoch in tqdm(range(1, max_epochs + 1), unit="epoch", disable=not settings.progress, leave=False):
        model.train()
        head.train()
        for part in _batches(len(rows[0]), batch_size, rng):
            drawn = starts if n_windows is None else np.sort(rng.permutation(starts)[:n_windows])
            batch = train.at(torch.from_numpy(part))
            batch = batch._replace(y={name: value.to(device) for name, value in batch.y.items()})
            optimizer.zero_grad()
            batch.loss(head(encoding.some(rows[0][part], drawn))).backward()
            torch.nn.utils.clip_grad_norm_([*moving, *head.parameters()], 1.0)
            optimizer.step()
        losses.append(_loss(encoding, head.eval(), val, rows[1]))
        if losses[-1] < losses[best]:
            best, kept = epoch, _copies(model, head)
        elif epoch - best >= patience:
            break
    for module, state in zip((model, head), kept, strict=True):
        module.load_state_dict(state)
    model.eval()
    head.cpu().eval()
    return {"epochs": len(losses) - 1, "best_epoch": best, "validation_loss": losses[best], "before": losses[0]}


def let_move(model: SpecformerForSamples, lora: int | None) -> Callable[[], Any]:
    """Choose the weights that are trained; gives what puts low-rank matrices into the weights that they belong to.

    All but the linear anchor, or only matrices of rank `lora` beside the layers' own (Hu et al. 2022) and what pools.
    """
    if lora is None:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(not name.startswith("anchor."))
        return lambda: None
    if find_spec("peft") is None:
        msg = 'Low-rank matrices are made by peft, which is not installed: pip install "specformer[lora]".'
        raise ImportError(msg)
    from peft import LoraConfig, LoraModel

    config = LoraConfig(r=lora, lora_alpha=2 * lora, lora_dropout=0.0, target_modules=LORA_MODULES)
    tuner = LoraModel(model, config, "tuned")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name or name.startswith(ALWAYS))
    return tuner.merge_and_unload


def _batches(n: int, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    order = rng.permutation(n)
    return (np.sort(part) for part in np.array_split(order, max(1, round(n / size))))


@torch.no_grad()
def _loss(encoding: Encoding, head: Head, problem: Problem, rows: np.ndarray) -> float:
    x = torch.from_numpy(encoding.all(rows)).to(encoding.model.device)
    return float(problem.loss(head(x).cpu()))


def _copies(*modules: nn.Module) -> list[dict[str, torch.Tensor]]:
    return [{name: tensor.clone() for name, tensor in module.state_dict().items()} for module in modules]

"""How much each gene added to what a head says of a sample, and through which window: integrated gradients.

What is integrated over is the standardised score of each gene, from the reference's mean (score 0) to what the sample
has, its order of genes and its windows held. A score reaches the head on two ways, through the anchor and through the
tokens of windows, and the path goes along both at once. Additive tokens have no score: there a token goes from [MASK] to
its gene. The weights of pooling are part of what is differentiated.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import nn

from specformer.genes import MASK, N_SPECIAL
from specformer.model._windows import take_windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from specformer.model._heads import Head
    from specformer.model._panel import GenePanel
    from specformer.model._samples import SampleOutput, SpecformerForSamples


class SampleAttribution(NamedTuple):
    """What a sample's output is made of; `anchor.sum() + windows.sum()` is `output - baseline`."""

    anchor: np.ndarray
    """float64 (n_genes_at_hand,): what each gene added through the anchor."""
    windows: np.ndarray
    """float64 (n_windows, size): what each token added; empty where the layers are bypassed."""
    place: np.ndarray
    """int64 (n_windows, size): which of the genes at hand each token is."""
    gate: np.ndarray
    """float64 (n_windows,): share of each window in the pooled vector."""
    choice: torch.Tensor
    """Weights of the head's raw outputs in the output that was attributed."""
    output: float
    baseline: float


def attribute_sample(
    model: SpecformerForSamples,
    panel: GenePanel,
    head: Head,
    ranks: np.ndarray,
    n_expressed: np.ndarray,
    choose: Callable[[torch.Tensor], torch.Tensor],
    *,
    bypass_layers: bool = False,
    n_steps: int = 8,
) -> SampleAttribution:
    """Integrated gradients of one sample (Sundararajan, Taly & Yan 2017), by captum.

    Parameters
    ----------
    model, panel
        The checkpoint's, in evaluation mode, and the genes at hand.
    head
        Reads the sample's vector, or its windows where it has an aggregator.
    ranks
        (1, n_genes_at_hand), as for :meth:`GenePanel.inputs`.
    n_expressed
        (1,).
    choose
        From raw outputs (n_labels,) of the sample to the weights (n_labels,) of the sum of them that is attributed.
    bypass_layers
        As the head's vectors were made.
    n_steps
        Points on the path, by Gauss and Legendre.
    """
    from captum.attr import IntegratedGradients

    read = _Reader(model, panel, deepcopy(head).to(model.device), ranks, bypass_layers=bypass_layers)
    inputs = read.inputs(panel.scores(ranks, n_expressed) if panel.reads_scores else None)
    baselines = tuple(torch.zeros_like(x) for x in inputs)
    with torch.no_grad():
        at_end = read.run(*inputs)
        raw = read.head(read.seen(at_end))[0]
        choice, gate = choose(raw), read.gate(at_end)
        output, baseline = float(raw @ choice), float(read(choice, *baselines)[0])
    parts = IntegratedGradients(lambda *x: read(choice, *x)).attribute(
        inputs, baselines, n_steps=n_steps, internal_batch_size=1
    )
    found = dict(zip(read.routes, (part[0].double().cpu().numpy() for part in parts), strict=True))
    return SampleAttribution(
        found.get("anchor", np.zeros(ranks.shape[1])), found.get("windows", np.zeros(read.place.shape)),
        read.place.cpu().numpy(), gate, choice, output, baseline,
    )  # fmt: skip


class _Reader:
    """The whole way from scores to outputs of a head as one differentiable function."""

    def __init__(
        self, model: SpecformerForSamples, panel: GenePanel, head: Head, ranks: np.ndarray, *, bypass_layers: bool
    ) -> None:
        self.model, self.panel, self.head, self.bypass_layers = model, panel, head, bypass_layers
        self.has_anchor = model.config.n_anchor > 0
        self.routes = ["anchor"] * self.has_anchor + ["windows"] * (not bypass_layers)
        order = torch.as_tensor(np.argsort(ranks, axis=1, kind="stable"))
        starts = panel.starts[:0] if bypass_layers else panel.starts
        self.place = take_windows(order, starts, size=panel.size, fill=0)[0][0].to(model.device)
        self.input_ids = (panel.genes.to(model.device) + N_SPECIAL)[self.place]

    def inputs(self, scores: np.ndarray | None) -> tuple[torch.Tensor, ...]:
        """What is integrated over: scores, or 1 for every token that has none."""
        anchor = torch.empty(0) if scores is None else torch.as_tensor(scores, device=self.model.device)
        film = self.model.config.token == "film"
        tokens = anchor[:, self.place] if film else torch.ones(1, *self.place.shape, device=self.model.device)
        return tuple({"anchor": anchor, "windows": tokens}[route] for route in self.routes)

    def __call__(self, choice: torch.Tensor, *inputs: torch.Tensor) -> torch.Tensor:
        """The chosen output, (n,)."""
        return self.head(self.seen(self.run(*inputs))) @ choice

    def run(self, *inputs: torch.Tensor) -> SampleOutput:
        """The model on points of the path, (n, ...) each."""
        by_route = dict(zip(self.routes, inputs, strict=True))
        named, guess = {}, None
        if self.has_anchor:
            named = {"latent": self.panel.solve(by_route["anchor"]), "uncertainty": self.panel.uncertainty}
            guess = named["latent"] @ self.panel.loadings.T
        if self.bypass_layers:
            return self.model(**named, bypass_layers=True)
        tokens = by_route["windows"]
        input_ids = self.input_ids.expand(len(tokens), -1, -1)
        if self.model.config.token == "film":
            scores = tokens if guess is None else tokens - guess[:, self.place]
            return self.model(input_ids, scores, **named)
        with self._faded(tokens.flatten(0, 1)):
            return self.model(input_ids, **named)

    def seen(self, output: SampleOutput) -> Any:
        """What the head reads of it."""
        return output.vector if self.head.aggregator is None else output.window_vectors

    def gate(self, output: SampleOutput) -> np.ndarray:
        """The weight of each window, in the head's own pooling where it has one."""
        if self.bypass_layers:
            return np.zeros(0)
        weights: Any = output.weights
        if self.head.aggregator is not None:
            windows = (self.seen(output) - self.head.mean) / self.head.scale
            weights = self.head.pooling(windows, windows.new_ones(windows.shape[:2], dtype=torch.bool))[1]
        return weights[0].double().cpu().numpy()

    def _faded(self, presence: torch.Tensor) -> torch.utils.hooks.RemovableHandle:
        """While it is open, gene tokens are embedded so far on the way from [MASK] to themselves."""
        embedding = self.model.specformer.get_input_embeddings()
        masked = embedding.weight[MASK].detach()
        # [CLS] is there all the way.
        presence = nn.functional.pad(presence, (int(self.model.config.cls_token), 0), value=1.0).unsqueeze(-1)
        return embedding.register_forward_hook(lambda *x: masked + presence * (x[-1] - masked))

"""What is read out of frozen vectors: one class, and a table of the tasks it can have."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from pathlib import Path  # noqa: TC003  (an attribute of a public class)
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import torch
from torch import nn

from specformer._checks import require_one_of
from specformer.model._config import POOLINGS, SpecformerConfig
from specformer.model._losses import cox_loss
from specformer.model._pooling import make_pooling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

HIDDEN = {"linear": (), "published": (512, 256)}
"""Hidden layers of a head by name."""


class Task(NamedTuple):
    """What a head is trained for, and how its raw output is read."""

    loss: Callable[..., torch.Tensor]
    read: Callable[[Head, torch.Tensor], torch.Tensor]


TASKS: dict[str, Task] = {
    "classification": Task(nn.functional.cross_entropy, lambda head, raw: (raw / head.temperature).softmax(dim=1)),
    "regression": Task(nn.functional.mse_loss, lambda head, raw: raw * head.target_scale + head.target_mean),
    "survival": Task(cox_loss, lambda head, raw: raw - head.target_mean),
}
"""Tasks by name: probabilities, values in the target's own unit, or log hazards relative to the training cohort's mean."""

# What only some heads have; in the file where it is not None.
OPTIONAL = ("centroids", "whitening", "threshold", "baseline_time", "baseline_hazard", "baseline_stratum")


class Head(nn.Module):
    """A readout of samples' vectors, or of the vectors of their windows, with all that it needs to be used.

    Standardisation of what comes in and goes out is part of the head. Made by `sf.train.fit_head`, kept by
    :func:`save_head`.

    Parameters
    ----------
    task
        `"classification"`, `"regression"` or `"survival"`.
    labels
        Names of the classes, of the targets, or of the one endpoint.
    n_in
        Length of the vectors.
    aggregator
        How windows become one vector: `"mean"`, `"attention"`, `"gated_attention"` or `"transformer"`. None reads
        vectors of samples.
    hidden
        Sizes of hidden layers; `()`, or `"linear"`, is a linear head, `"published"` is (512, 256).
    dropout
        Before each layer but the first, while training.
    about
        What is known of it, kept as JSON: `use_rep`, `checkpoint`, `embedding`, `training`, `metrics`.

    Examples
    --------
    >>> import numpy as np
    >>> from specformer.model import Head
    >>> Head("classification", ["LUAD", "LUSC"], 8).predict(np.zeros((3, 8))).shape
    (3, 2)
    """

    mean: torch.Tensor
    scale: torch.Tensor
    target_mean: torch.Tensor
    target_scale: torch.Tensor
    temperature: torch.Tensor
    centroids: Any  # a tensor, or None
    whitening: Any  # a tensor, or None
    threshold: Any  # a tensor, or None
    baseline_time: Any  # a tensor, or None
    baseline_hazard: Any  # a tensor, or None
    baseline_stratum: Any  # a tensor, or None

    def __init__(
        self,
        task: str,
        labels: Sequence[str],
        n_in: int,
        *,
        aggregator: Literal["mean", "attention", "gated_attention", "transformer"] | None = None,
        hidden: Sequence[int] | str = (),
        dropout: float = 0.0,
        about: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        require_one_of("task", task, tuple(TASKS))
        require_one_of("aggregator", aggregator, (None, *POOLINGS))
        if isinstance(hidden, str):
            require_one_of("hidden", hidden, tuple(HIDDEN))
            hidden = HIDDEN[hidden]
        self.task, self.labels, self.n_in = task, [str(label) for label in labels], int(n_in)
        self.aggregator, self.hidden, self.dropout = aggregator, tuple(int(size) for size in hidden), float(dropout)
        self.about: dict[str, Any] = about or {}
        self.path: Path | None = None
        """Where it was read from."""
        if aggregator is not None:
            n_heads = next(n for n in (4, 2, 1) if n_in % n == 0)
            self.pooling = make_pooling(
                SpecformerConfig(
                    hidden_size=self.n_in,
                    num_attention_heads=n_heads,
                    intermediate_size=2 * self.n_in,
                    hidden_dropout_prob=self.dropout,
                    pooling=aggregator,
                )
            )
        sizes = [self.n_in, *self.hidden, len(self.labels)]
        layers: list[nn.Module] = [nn.Linear(sizes[0], sizes[1])]
        for n_from, n_to in pairwise(sizes[1:]):
            layers += [nn.ReLU(), nn.Dropout(self.dropout), nn.Linear(n_from, n_to)]
        self.layers = nn.Sequential(*layers)
        self.register_buffer("mean", torch.zeros(self.n_in))
        self.register_buffer("scale", torch.ones(self.n_in))
        self.register_buffer("target_mean", torch.zeros(len(self.labels)))
        self.register_buffer("target_scale", torch.ones(len(self.labels)))
        self.register_buffer("temperature", torch.ones(()))
        for name in OPTIONAL:
            self.register_buffer(name, None)
        self.eval()

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Standardised vectors (n, n_in), windows aggregated."""
        x = (x - self.mean) / self.scale
        if self.aggregator is None:
            return x
        return self.pooling(x, torch.ones(x.shape[:2], dtype=torch.bool, device=x.device))[0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Raw outputs (n, n_labels): logits, standardised targets, or log hazards."""
        return self.layers(self.features(x))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Probabilities, values in the target's unit, or log hazards centred on the training cohort.

        Parameters
        ----------
        X
            Vectors (n, n_in), or windows (n, n_windows, n_in) for a head with an aggregator.

        Returns
        -------
        float32 (n, n_labels). Computed in float64, so that a sample's figures do not depend on its company.
        """
        return self.in_double(X, lambda head, x: TASKS[head.task].read(head, head(x)))

    def distance(self, X: np.ndarray) -> np.ndarray:
        """Mahalanobis distance of each sample to the nearest class centroid of the training cohort, float32 (n,)."""
        if self.centroids is None:
            msg = f"This {self.task} head keeps no class centroids: only heads fitted with `task='classification'` do."
            raise ValueError(msg)
        return self.in_double(
            X, lambda head, x: torch.cdist(head.features(x) @ head.whitening, head.centroids).amin(dim=1)
        )

    def survival_curves(self, risk: np.ndarray, times: np.ndarray, stratum: np.ndarray | None = None) -> np.ndarray:
        """Probability of no event up to each of `times`, float32 (n, n_times), by Breslow's baseline.

        Parameters
        ----------
        risk
            From :meth:`predict`, (n,).
        times
            In the unit of the training times, (n_times,). NaN after the last training time of the stratum.
        stratum
            int (n,): number of each sample's stratum, where the head was fitted in strata; -1 where it had none.
        """
        if self.baseline_time is None:
            msg = f"This {self.task} head keeps no baseline: only heads fitted with `task='survival'` do."
            raise ValueError(msg)
        risk, times = np.asarray(risk, np.float64), np.asarray(times, np.float64)
        stratum = np.zeros(len(risk), int) if stratum is None else np.asarray(stratum)
        curves = np.full((len(risk), len(times)), np.nan)
        at, hazard, of = (x.cpu().numpy() for x in (self.baseline_time, self.baseline_hazard, self.baseline_stratum))
        for one in np.unique(stratum[stratum >= 0]):
            known_at, known = at[of == one], np.concatenate([[0.0], hazard[of == one]])
            if len(known_at):
                cumulative = known[np.searchsorted(known_at, times, side="right")]
                cumulative = np.where(times > known_at[-1], np.nan, cumulative)
                curves[stratum == one] = np.exp(-cumulative * np.exp(risk[stratum == one, None]))
        return curves.astype(np.float32)

    def to_frame(self, X: np.ndarray, index: pd.Index) -> pd.DataFrame:
        """:meth:`predict` with the names of samples and labels."""
        import pandas as pd

        return pd.DataFrame(self.predict(X), index=index, columns=pd.Index(self.labels))

    @torch.no_grad()
    def in_double(self, X: np.ndarray, read: Callable[[Head, torch.Tensor], torch.Tensor]) -> np.ndarray:
        """Anything that is read from a head, computed in float64 and given as float32."""
        X = np.asarray(X)
        expected = "(n_samples, n_windows, {})" if self.aggregator else "(n_samples, {})"
        if X.ndim != (3 if self.aggregator else 2) or X.shape[-1] != self.n_in:
            msg = f"This head reads vectors of shape {expected.format(self.n_in)}; found {X.shape}."
            raise ValueError(msg)
        head = deepcopy(self).to("cpu", torch.float64).eval()
        # A thousand rows at a time keeps windows of a large cohort out of memory.
        parts = np.array_split(X, max(1, -(-len(X) // 1024)))
        return torch.cat([read(head, torch.from_numpy(part.astype(np.float64))) for part in parts]).float().numpy()

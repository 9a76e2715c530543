"""Which genes and windows carried a prediction."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from specformer._checks import require_key, require_one_of, require_rows, shown
from specformer._keys import CANCER_TYPE
from specformer._logging import logger, timed
from specformer._settings import settings
from specformer.pp._modality import modality
from specformer.tl._encode import find_device
from specformer.tl._head_input import find_head, open_checkpoint
from specformer.tl._ranks import read_ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd
    import torch
    from anndata import AnnData
    from mudata import MuData

    from specformer.model import Head, Pretrained
    from specformer.model._attribution import SampleAttribution
    from specformer.tl._ranks import Ranked

TOLERANCE = 0.05
"""A larger share of the difference that is not accounted for is warned of."""


def attribute(
    adata: AnnData | MuData,
    head: Head | str | Path | None = None,
    *,
    label: str | None = None,
    against: str | None = None,
    groupby: str | None = None,
    model: str | Path | Pretrained | None = None,
    layer: str | None = None,
    gene_key: str | None = None,
    n_steps: int = 8,
    device: str = "auto",
    mod: str | None = None,
) -> pd.DataFrame:
    """Share out what a head says of a sample among its genes, and say in which window each gene stood.

    Integrated gradients of the head's output with respect to the standardised score of every gene, from the sample in
    which every gene has its mean (score 0) to the sample itself. The scores of a sample add up to the difference of the
    output between the two. Needs `pip install "specformer[attribution]"`.

    Parameters
    ----------
    adata
        Samples, embedded or not; a few, such as `adata[:20]`: each takes about `3 * n_steps` times its embedding.
    head
        From `sf.train.fit_head`, a directory, or the name of a head beside the checkpoint. None is `"cancer_type"`.
    label
        What to attribute: a class, a target, or an endpoint of the head. None is the only one there is or, for classes,
        each sample's most probable one.
    against
        Another class: what speaks for `label` rather than for this one. None is all others, on average.
    groupby
        Column of `obs`: give the mean over the samples of each group instead of every sample.
    model
        The checkpoint: name, directory, or loaded. None is the head's, or the one that comes with the package.
    layer, gene_key
        Where expression and gene names are.
    n_steps
        Points on the way from mean to sample. More are more exact; a warning says where they were too few.
    device
        Where to compute.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData.

    Returns
    -------
    One row a sample (or group) and gene, highest score first, with the columns

    `sample`, or `group`
        Name of the sample, or of the group.
    `gene`
        Approved symbol, or the Ensembl id of a gene without one.
    `score`
        What the gene added to the output, float64: to the log odds of a class (its calibrated logit less that of
        `against`, or less the mean of the others), to a target in its own unit, or to the log hazard.
    `window`
        The window through which most of `via_windows` came, 0 the head of the order; -1 where the head reads none.
    `via_windows`
        The part of `score` that came through windows; the rest came through the linear anchor.
    `gate`
        Share of that window in the sample's pooled vector.

    `attrs` of the table hold the parameters, and the output of each sample or group with its `baseline`. A preranked
    enrichment takes a sample's columns `gene` and `score`, and methods for matrices take the table's pivot.

    Raises
    ------
    ImportError
        Without captum.
    ValueError
        If the head has no such label, if several are there and none is named, or if the head belongs to no checkpoint or
        to another one; or for what `specformer_embed` refuses.

    Notes
    -----
    A score says what the head made of a gene, not that the gene is a cause; of genes that vary together each has a part.
    The order of genes is held while scores move. Checkpoints whose tokens have no score (`"additive"`) are integrated
    from masked tokens to the genes themselves.

    References
    ----------
    Sundararajan, Taly, Yan (2017). Axiomatic attribution for deep networks. ICML.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(20, groups=["ACC", "STAD"])
    >>> table = sf.tl.attribute(adata, groupby="cancer_type")  # doctest: +SKIP
    >>> ranking = table.loc[table["group"] == "STAD", ["gene", "score"]]  # doctest: +SKIP
    >>> gseapy.prerank(ranking, "h.all.v7.0.symbols.gmt")  # doctest: +SKIP
    >>> decoupler.mt.ulm(table.pivot(index="group", columns="gene", values="score"), net)  # doctest: +SKIP
    """
    adata = modality(adata, mod)
    if find_spec("captum") is None:
        msg = 'Integrated gradients are computed by captum, which is not installed: pip install "specformer[attribution]".'
        raise ImportError(msg)
    head = find_head(head, CANCER_TYPE.name, model)
    if not head.about.get("checkpoint"):
        msg = (
            f"This head reads `obsm[{head.about.get('use_rep')!r}]`, which no checkpoint made: it has no way to genes."
        )
        raise ValueError(msg)
    choose = _choice(head, label, against)
    kind = "sample" if groupby is None else "group"
    names = adata.obs_names if groupby is None else require_key(adata, "obs", groupby, run="adata.obs[...] = ...")
    groups = _Groups()
    with timed(f"attributing {head.task} of {adata.n_obs:,} samples to their genes") as notes:
        pretrained = open_checkpoint(head, model)
        ranked = read_ranks(adata, pretrained.genes, layer=layer, gene_key=gene_key)
        for i, found in _by_sample(adata, pretrained, ranked, head, choose, n_steps, device):
            groups.add(str(names.iloc[i] if groupby else names[i]), found)
        table = groups.table(kind, _symbols(pretrained)[ranked.genes])
        gap = groups.gap()
        if gap > TOLERANCE:
            logger.warning(
                "Scores and outputs differ by %.0f %% in some sample: raise `n_steps` above %d.", 100 * gap, n_steps
            )
        table.attrs = {
            "params": {"label": label, "against": against, "groupby": groupby, "n_steps": n_steps, "layer": layer},
            "task": head.task,
            "checkpoint": dict(head.about["checkpoint"]),
            "output": groups.mean("output"),
            "baseline": groups.mean("baseline"),
        }
        notes.append(f"scores account for all but {gap:.1%} of each sample's output, or less")
    return table


def _by_sample(
    adata: AnnData,
    pretrained: Pretrained,
    ranked: Ranked,
    head: Head,
    choose: Callable[[torch.Tensor], torch.Tensor],
    n_steps: int,
    device: str,
) -> Iterator[tuple[int, SampleAttribution]]:
    from tqdm.auto import tqdm

    from specformer.model import GenePanel
    from specformer.model._attribution import attribute_sample

    model = pretrained.model.to(find_device(device))
    panel = GenePanel(model, pretrained.genes, ranked.genes)
    bypass_layers = bool((head.about.get("embedding") or {}).get("bypass_layers"))
    with tqdm(total=adata.n_obs, unit="sample", disable=not settings.progress or adata.n_obs < 2) as bar:
        for rows, ranks, n_expressed in ranked.blocks:
            silent = n_expressed == 0
            require_rows(silent, adata.obs_names[rows], "None of the known genes is expressed", "Drop these samples.")
            for i in range(len(ranks)):
                one = slice(i, i + 1)
                found = attribute_sample(
                    model, panel, head, ranks[one], n_expressed[one], choose, bypass_layers=bypass_layers,
                    n_steps=n_steps,
                )  # fmt: skip
                bar.update()
                yield rows.start + i, found


def _choice(head: Head, label: str | None, against: str | None) -> Callable[[torch.Tensor], torch.Tensor]:
    """From a sample's raw outputs to their weights in what is attributed."""
    import torch

    for name, value in (("label", label), ("against", against)):
        if value is not None:
            require_one_of(name, value, head.labels)
    is_class = head.task == "classification"
    if (against is not None and not is_class) or (against is not None and against == label):
        msg = (
            f"`against` is {against!r}; expected another class than `label` of a classification, this is a {head.task}."
        )
        raise ValueError(msg)
    if label is None and not is_class and len(head.labels) > 1:
        msg = f"This head has {len(head.labels):,} targets; say which with `label`, such as {shown(head.labels, 3)}."
        raise ValueError(msg)

    def choose(raw: torch.Tensor) -> torch.Tensor:
        weights = torch.zeros_like(raw)
        if not is_class:
            at = head.labels.index(label) if label else 0
            weights[at] = head.target_scale[at] if head.task == "regression" else 1.0
            return weights
        if label is None and against is not None:
            raw = raw.clone()
            raw[head.labels.index(against)] = -torch.inf
        at = int(raw.argmax()) if label is None else head.labels.index(label)
        others = [k for k in range(len(raw)) if k != at] if against is None else [head.labels.index(against)]
        weights[others] = -1 / len(others)
        weights[at] = 1.0
        return weights / head.temperature.to(raw.device)

    return choose


def _symbols(pretrained: Pretrained) -> np.ndarray:
    symbol = pretrained.genes.table["symbol"].to_numpy(str)
    return np.where(symbol != "", symbol, pretrained.genes.ids)


class _Groups:
    """Means over the samples of each group, kept as sums."""

    def __init__(self) -> None:
        self.sums: dict[str, dict[str, Any]] = {}
        self.gaps: list[float] = []

    def add(self, name: str, found: SampleAttribution) -> None:
        n_genes, n_windows = len(found.anchor), len(found.gate)
        by_window = np.zeros((n_genes, max(n_windows, 1)))
        which = np.broadcast_to(np.arange(n_windows)[:, None], found.place.shape)
        np.add.at(by_window, (found.place, which), found.windows)
        part = {
            "n": 1, "anchor": found.anchor, "via_windows": by_window.sum(axis=1), "size": np.abs(by_window),
            "there": np.bincount(found.place.ravel() * max(n_windows, 1) + which.ravel(), minlength=by_window.size),
            "gate": found.gate, "output": found.output, "baseline": found.baseline,
        }  # fmt: skip
        total = self.sums.get(name)
        self.sums[name] = part if total is None else {key: total[key] + part[key] for key in part}
        difference = found.output - found.baseline
        missed = abs(found.anchor.sum() + found.windows.sum() - difference)
        self.gaps.append(missed / max(abs(difference), 1e-6))

    def gap(self) -> float:
        """The largest share of a sample's output that scores leave out."""
        return max(self.gaps)

    def mean(self, what: str) -> dict[str, float]:
        return {name: total[what] / total["n"] for name, total in self.sums.items()}

    def table(self, kind: str, genes: np.ndarray) -> pd.DataFrame:
        import pandas as pd

        parts = []
        for name, total in self.sums.items():
            n_windows = len(total["gate"])
            via_windows = total["via_windows"] / total["n"]
            # A gene that moved nothing stands where it stood most often.
            rank = total["size"] + 1e-12 * total["there"].reshape(total["size"].shape)
            window = rank.argmax(axis=1) if n_windows else np.full(len(genes), -1)
            gate = total["gate"][window] / total["n"] if n_windows else np.nan
            part = pd.DataFrame({
                kind: name, "gene": genes, "score": total["anchor"] / total["n"] + via_windows, "window": window,
                "via_windows": via_windows, "gate": gate,
            })  # fmt: skip
            parts.append(part.sort_values("score", ascending=False, kind="stable"))
        return pd.concat(parts, ignore_index=True)

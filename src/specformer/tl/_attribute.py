"""Which genes and windows carried a prediction."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from specformer._checks import require_key
from specformer._keys import CANCER_TYPE
from specformer._logging import logger, timed
from specformer._settings import settings
from specformer.pp._modality import modality
from specformer.tl._attribution_table import GroupMeans
from specformer.tl._chosen_output import chosen_output
from specformer.tl._encode import find_device
from specformer.tl._head_input import find_head, open_checkpoint
from specformer.tl._ranks import read_ranks, require_expressed

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
    choose = chosen_output(head, label, against)
    kind = "sample" if groupby is None else "group"
    names = adata.obs_names if groupby is None else require_key(adata, "obs", groupby, run="adata.obs[...] = ...")
    groups = GroupMeans()
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
        for rows, ranks, n_expressed in require_expressed(ranked.blocks, adata.obs_names):
            for i in range(len(ranks)):
                one = slice(i, i + 1)
                found = attribute_sample(
                    model, panel, head, ranks[one], n_expressed[one], choose, bypass_layers=bypass_layers,
                    n_steps=n_steps,
                )  # fmt: skip
                bar.update()
                yield rows.start + i, found


def _symbols(pretrained: Pretrained) -> np.ndarray:
    symbol = pretrained.genes.table["symbol"].to_numpy(str)
    return np.where(symbol != "", symbol, pretrained.genes.ids)

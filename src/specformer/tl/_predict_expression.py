"""What a sample's expression should be, given where it lies in the embedding."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from specformer._interrupts import undivided
from specformer._keys import PREDICTED
from specformer._logging import timed
from specformer.genes import match_genes
from specformer.pp._gene_names import read_gene_names
from specformer.pp._modality import modality
from specformer.pp._target import target_of
from specformer.tl._head_input import find_head, head_note, read_input

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from specformer.model import Head, Pretrained


def predict_expression(
    adata: AnnData | MuData,
    head: Head | str | Path | None = None,
    *,
    model: str | Path | Pretrained | None = None,
    layer: str | None = None,
    gene_key: str | None = None,
    device: str = "auto",
    key_added: str = PREDICTED.name,
    mod: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Predict the expression profile of samples from their embedding.

    A checkpoint with a linear anchor needs no head: the profile is read back from the vector through the anchor's
    loadings, as the normal score of each gene's rank in its sample. Any other takes a head that was fitted to expression,
    such as `sf.train.fit_head(adata, "log_tpm")` for `adata.layers["log_tpm"]`, in the unit of that layer.

    Parameters
    ----------
    adata
        Samples, embedded or not; see :func:`specformer_embed` for what they may hold.
    head
        A regression head whose targets are genes, or its directory; None reads through the anchor.
    model
        The checkpoint: name, directory, or loaded. None is the head's, or the one that comes with the package.
    layer, gene_key
        Where expression and gene names are, if the samples have to be embedded first; `gene_key` also says which genes to
        predict.
    device
        Where to embed.
    key_added
        Where in `layers` and `uns` to write.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData. Results are written into it.
    copy
        Return a copy instead of writing into `adata`.

    Returns
    -------
    `None`, or the copy if `copy=True`. Sets the following fields:

    `.layers['predicted' | key_added]` : float32 `(n_obs, n_vars)`
        Predicted expression; NaN for genes that checkpoint or head do not know.
    `.uns['predicted' | key_added]` : dict
        The unit, the head, the checkpoint, how the samples were embedded, and the number of genes.

    The embedding is added too (`obsm`, `uns`) where `adata` has none.

    Raises
    ------
    ValueError
        If the checkpoint has no anchor and no head was given, or head and genes have nothing in common.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(20)
    >>> sf.tl.predict_expression(adata)  # doctest: +SKIP
    >>> adata.layers["predicted"].shape == adata.shape  # doctest: +SKIP
    True
    """
    adata = modality(adata, mod)
    from specformer.model import load

    names = read_gene_names(adata, gene_key)
    if head is None:
        model = load(model) if model is None or isinstance(model, str | Path) else model
        reader = _through_anchor(model)
        column = match_genes(list(names), model.genes).index
    else:
        reader = find_head(head, "", model)
        place = {gene: i for i, gene in enumerate(reader.labels)}
        column = np.array([place.get(str(name), -1) for name in names])
    known = column >= 0
    if reader.task != "regression" or not known.any():
        msg = f"Found a {reader.task} head with targets such as {reader.labels[0]!r}; expected a regression of genes."
        raise ValueError(msg)
    found = read_input(adata, reader, model, layer=layer, gene_key=gene_key, device=device)
    with timed(f"predicting {int(known.sum()):,} genes of {adata.n_obs:,} samples") as notes:
        predicted = np.full(adata.shape, np.nan, np.float32)
        predicted[:, known] = reader.predict(found.X)[:, column[known]]
        note: dict[str, Any] = {
            "params": {"layer": layer, "gene_key": gene_key},
            "unit": "normal score of the rank" if head is None else "that of the head's target",
            "n_genes": int(known.sum()),
            "head": head_note(reader),
            **found.note,
        }
        target = target_of(adata, copy=copy)
        with undivided():
            found.write(target)
            target.layers[key_added] = predicted
            target.uns[key_added] = note
        notes.append(f"added {key_added!r} (adata.layers)")
    return target if copy else None


def _through_anchor(pretrained: Pretrained) -> Head:
    """The anchor's decoder as a linear head of the vectors."""
    import torch

    from specformer.model import Head

    if not pretrained.config.n_anchor:
        msg = (
            f"The checkpoint {pretrained.path.name!r} has no linear anchor to read expression through. Fit a head, "
            "`sf.train.fit_head(adata, layer_name)`, and pass it as `head=`."
        )
        raise ValueError(msg)
    anchor, table = pretrained.model.anchor, pretrained.genes.table
    head = Head("regression", pretrained.genes.ids.tolist(), pretrained.config.n_dims or pretrained.config.n_anchor)
    with torch.no_grad():
        layer: Any = head.layers[0]
        # Fewer dimensions than the anchor has leave a least-squares guess of the latent.
        layer.weight.copy_(anchor.loadings.cpu().double() @ torch.linalg.pinv(anchor.whitening.cpu().double()).T)
        layer.bias.zero_()
        head.target_mean.copy_(torch.from_numpy(table["score_mean"].to_numpy(np.float32)))
        head.target_scale.copy_(torch.from_numpy(table["score_sd"].to_numpy(np.float32)))
    head.about = {"checkpoint": {"name": pretrained.path.name, "sha256": pretrained.sha256}}
    return head

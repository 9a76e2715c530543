"""Embed samples: one call from genes and units of any kind to a vector each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from specformer._checks import require_one_of
from specformer._keys import X_SPECFORMER
from specformer.pp._modality import modality
from specformer.pp._target import target_of
from specformer.tl._embedding import compute_embedding, write_embedding

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from specformer.model import Pretrained

DTYPES = ("auto", "float32", "bfloat16", "float16")


def specformer_embed(
    adata: AnnData | MuData,
    model: str | Path | Pretrained | None = None,
    *,
    layer: str | None = None,
    gene_key: str | None = None,
    scale: str | None = None,
    pooling: Literal["mean", "attention", "gated_attention", "transformer"] | None = None,
    windows: bool = False,
    attention: bool = False,
    max_windows: int | None = None,
    bypass_layers: bool = False,
    batch_size: int | Literal["auto"] = "auto",
    device: str = "auto",
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
    key_added: str = X_SPECFORMER.name,
    mod: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Embed samples: one vector each, from any human gene names and any unit of expression.

    Recognises the genes, tells the scale and undoes a logarithm, ranks the genes of each sample under the checkpoint's
    frozen statistics, and encodes windows of the order. A sample's vector does not depend on which other samples are
    there, on the order of rows or columns, on the container, or on the number of threads (to within 1e-5 of its size).

    Parameters
    ----------
    adata
        Samples x genes, in memory, backed or on dask. Counts, CPM, TPM, FPKM or a known logarithm of them.
    model
        Name of a checkpoint (see `sf.models.available()`), path of a checkpoint directory, or what `sf.model.load`
        returned. None is the checkpoint that comes with the package.
    layer
        Embed `adata.layers[layer]` instead of `adata.X`.
    gene_key
        Column of `var` with gene names; by default `var_names`.
    scale
        What the values are, one of the names of :func:`~specformer.pp.detect_scale`, where detection would be wrong.
    pooling
        How windows become a vector, where the checkpoint has weights for another way than its default one.
    windows
        Also keep the vector of every window. Needs `4 * n_obs * n_windows * hidden_size` bytes.
    attention
        Also keep the share that every window has in its sample's vector; :func:`~specformer.pl.attention` draws it.
    max_windows
        Read only so many windows, from the head of the order; by default all. Their number decides what an embedding
        costs, and vectors from few of them are not those from all: do not mix the two.
    bypass_layers
        Give the vector of the checkpoint's linear anchor alone: what would be there without the encoder.
    batch_size
        Samples at a time. `"auto"` starts with 16 on a CPU and 64 elsewhere. Halved whenever memory runs out.
    device
        `"auto"` takes `sf.settings.device`, and if that is `"auto"` too, a GPU if there is one.
    dtype
        Precision of the encoder; `"auto"` is float32. `"bfloat16"` is about twice as fast and costs two digits.
    key_added
        Where in `obsm` to write. If it is not the default, it names the entry of `uns` too.
    mod
        Which modality to take, as in `"rna"`, if `adata` is a MuData. Results are written into it.
    copy
        Return a copy instead of writing into `adata`.

    Returns
    -------
    `None`, or the copy if `copy=True`. Sets the following fields:

    `.obsm['X_specformer' | key_added]` : float32 `(n_obs, n_dims)`
        The embedding. Compare samples by cosine.
    `.obsm['X_specformer_windows']` : float32 `(n_obs, n_windows, hidden_size)`
        With `windows=True`, the vector of every window, head of the order first.
    `.obsm['specformer_attention']` : float32 `(n_obs, n_windows)`
        With `attention=True`, the weight of every window in the pooling; a sample's weights sum to one.
    `.uns['specformer' | key_added]` : dict
        `params`; `checkpoint` (name, SHA-256 of the weights, versions); `genes` (names by route, coverage, and the
        cosine to the vector from all genes that random sets of as many genes reach); `scale` found, with the evidence;
        how many samples were `seen_in_pretraining`, by name. With `attention=True`, also `window_starts`, the first rank
        of every window.

    Raises
    ------
    ValueError
        If no gene is known, or names are no human genes; if samples have NaN, infinite or impossible values or no
        expression (they are named); if values are z-scores; if `attention` is asked of layers that are bypassed. `adata`
        is then as it was.
    FileNotFoundError
        If there is no such checkpoint.

    Notes
    -----
    Ranks in `adata.layers['tfidf_rank']` are used if they were made with the statistics of the same checkpoint;
    otherwise samples are ranked on the way and the layer is left alone.

    Examples
    --------
    >>> import specformer as sf
    >>> adata = sf.datasets.simulated_cohort(20)
    >>> sf.tl.specformer_embed(adata)  # doctest: +SKIP
    >>> adata.obsm["X_specformer"].shape  # doctest: +SKIP
    (20, 128)
    """
    adata = modality(adata, mod)
    from specformer.model import load

    require_one_of("dtype", dtype, DTYPES)
    pretrained = load(model, pooling=pooling) if model is None or isinstance(model, str | Path) else model
    embedding = compute_embedding(
        adata, pretrained, layer=layer, gene_key=gene_key, scale=scale, windows=windows, attention=attention,
        max_windows=max_windows, bypass_layers=bypass_layers, batch_size=batch_size, device=device, dtype=dtype,
    )  # fmt: skip
    target = target_of(adata, copy=copy)
    write_embedding(target, embedding, key_added)
    return target if copy else None

from __future__ import annotations

import numpy as np
import pytest

import specformer as sf


def test_genes_get_their_tokens_and_strangers_none(checkpoint, counts):
    adata = counts[:2].copy()
    adata.var_names = ["NOGENE", *adata.var_names[1:]]
    sf.tl.gene_embeddings(adata, checkpoint)
    found = adata.varm["specformer"]
    assert found.dtype == np.float32
    assert np.isnan(found[0]).all()
    token = sf.genes.match_genes(list(adata.var_names), checkpoint.genes).index[5] + 3
    weight = checkpoint.model.specformer.get_input_embeddings().weight
    np.testing.assert_array_equal(found[5], weight[token].detach().numpy())


def test_loadings_of_the_anchor(checkpoint, counts):
    if not checkpoint.config.n_anchor:
        with pytest.raises(ValueError, match="no linear anchor"):
            sf.tl.gene_embeddings(counts.copy(), checkpoint, of="anchor")
        return
    adata = sf.tl.gene_embeddings(counts, checkpoint, of="anchor", key_added="loadings", copy=True)
    row = sf.genes.match_genes(list(counts.var_names), checkpoint.genes).index
    np.testing.assert_array_equal(adata.varm["loadings"], checkpoint.model.anchor.loadings.numpy()[row])
    assert "loadings" not in counts.varm

from __future__ import annotations

import numpy as np
import pytest

import specformer as sf


def test_pathway_scores_are_those_of_the_arrays(counts, tmp_path):
    adata = counts[:4].copy()
    sets = {"one": list(adata.var_names[:9]), "few": list(adata.var_names[:2])}
    gmt = tmp_path / "sets.gmt"
    gmt.write_text("".join("\t".join([name, "", *genes]) + "\n" for name, genes in sets.items()))
    sf.tl.score_pathways(adata, gmt)
    expected = sf.baselines.ssgsea(adata.X, adata.var_names, {"one": sets["one"]})
    np.testing.assert_allclose(adata.obsm["pathway_score"], expected, rtol=1e-6)
    assert adata.uns["pathway_score"]["n_left_out"] == 1
    gmt.write_text("one, set\n")
    with pytest.raises(ValueError, match="no GMT file"):
        sf.tl.score_pathways(adata, gmt)

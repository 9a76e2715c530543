from __future__ import annotations

import numpy as np

from specformer.bench import _perturb


def test_genes_are_drawn_without_repeats_in_their_order(cohorts):
    panel = cohorts["panel"]
    genes = _perturb.draw_genes(panel, 0.25, np.random.default_rng(0))
    assert len(genes) == 60
    place = panel.var_names.get_indexer(genes)
    assert (np.diff(place) > 0).all()

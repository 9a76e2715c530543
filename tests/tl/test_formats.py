"""Checkpoints of every format load for ever: those in tests/data were written when their format was the newest."""

from __future__ import annotations

import json
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import specformer as sf
from specformer.model._config import CHECKPOINT_FORMAT

DATA = Path(__file__).parents[1] / "data"
CHECKPOINTS = sorted(path.parent for path in DATA.glob("checkpoint_format_*/*/expected.json"))


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_checkpoint_of_every_format_gives_the_vectors_it_gave(path):
    expected = json.loads((path / "expected.json").read_text())
    adata = ad.AnnData(np.array(expected["counts"], np.float32), var=pd.DataFrame(index=expected["genes"]))
    adata.obs_names = [f"sample{i}" for i in range(adata.n_obs)]
    sf.tl.specformer_embed(adata, path)
    np.testing.assert_allclose(adata.obsm["X_specformer"], expected["vectors"], atol=1e-5, rtol=1e-5)
    assert adata.uns["specformer"]["seen_in_pretraining"] == 1
    head = sf.model.load_head("letter", path)
    np.testing.assert_allclose(head.predict(adata.obsm["X_specformer"]), expected["probabilities"], atol=1e-5)
    assert (path / "README.md").read_text() == "# Random weights\n"


def test_every_format_has_its_checkpoint():
    there = {int(path.parent.name.rpartition("_")[2]) for path in CHECKPOINTS}
    assert there == set(range(1, CHECKPOINT_FORMAT + 1))
    for path in CHECKPOINTS:
        config = json.loads((path / "config.json").read_text())
        assert config["checkpoint_format"] == int(path.parent.name.rpartition("_")[2])

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier

import specformer as sf


def cohort(n, seed):
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, n)
    adata = ad.AnnData(obs=pd.DataFrame({"kind": np.array(["a", "b", "c"])[kind]}, index=[f"s{i}" for i in range(n)]))
    adata.obsm["X_specformer"] = (np.eye(3)[kind] * 2 + rng.standard_normal((n, 3))).astype(np.float32)
    adata.uns["specformer"] = {"checkpoint": {"sha256": "1"}}
    return adata


def test_labels_are_those_of_the_nearest_by_cosine():
    reference, new = cohort(200, 0), cohort(50, 1)
    sf.tl.transfer_labels(new, reference, label="kind", k=7, min_confidence=0)
    oracle = KNeighborsClassifier(7, metric="cosine", weights=lambda d: np.maximum(1 - d, 1e-12))
    oracle.fit(reference.obsm["X_specformer"], reference.obs["kind"])
    proba = oracle.predict_proba(new.obsm["X_specformer"])
    np.testing.assert_allclose(new.obs["transferred_confidence"], proba.max(axis=1), rtol=1e-4)
    assert (new.obs["transferred"] == oracle.classes_[proba.argmax(axis=1)]).all()
    sure = sf.tl.transfer_labels(new, reference, label="kind", k=7, min_confidence=0.9, copy=True)
    expected = new.obs["transferred_confidence"] < 0.9
    assert ((sure.obs["transferred"] == "uncertain") == expected).all()
    assert sure.uns["transferred"]["n_uncertain"] == expected.sum() > 0


def test_unlabelled_reference_samples_do_not_vote_and_names_follow_key_added():
    reference, new = cohort(200, 0), cohort(5, 1)
    reference.obs.loc[reference.obs["kind"] == "a", "kind"] = None
    sf.tl.transfer_labels(new, reference, label="kind", key_added="subtype")
    assert set(new.obs["subtype"]) <= {"b", "c", "uncertain"}
    assert set(new.obs["subtype"].cat.categories) == set(new.obs["subtype"]), "labels that do not occur"
    assert "subtype_confidence" in new.obs
    assert new.uns["subtype"]["n_reference"] == reference.obs["kind"].notna().sum()


def test_two_spaces_are_refused():
    reference, new = cohort(20, 0), cohort(5, 1)
    new.uns["specformer"] = {"checkpoint": {"sha256": "2"}}
    with pytest.raises(ValueError, match="Embed both with the same checkpoint"):
        sf.tl.transfer_labels(new, reference, label="kind")
    del new.obsm["X_specformer"]
    with pytest.raises(KeyError, match=r"sf.tl.specformer_embed"):
        sf.tl.transfer_labels(new, reference, label="kind")

"""`make demo`, on a small cohort."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import specformer as sf
from specformer import demo


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "cohort.h5ad"
    sf.datasets.simulated_cohort(45, groups=["ACC", "STAD", "LIHC normal"]).write_h5ad(path)
    return path


def test_demo_writes_what_it_says(cohort, tmp_path, capsys):
    demo.main([str(cohort), "--color", "cancer_type", "--out", str(tmp_path / "out")])
    said = capsys.readouterr().out
    for name in ("umap.png", "embedded.h5ad"):
        assert str(tmp_path / "out" / name) in said
    assert (tmp_path / "out" / "umap.png").stat().st_size > 10_000
    embedded = ad.read_h5ad(tmp_path / "out" / "embedded.h5ad")
    assert embedded.obsm["X_specformer"].shape[0] == 45
    assert {"leiden", "cancer_type"} <= set(embedded.obs)
    np.testing.assert_array_equal(embedded.X, ad.read_h5ad(cohort).X)
    nearest = next(line for line in said.splitlines() if line.startswith("nearest shares cancer_type"))
    assert float(nearest.split()[-1]) > 0.8
    assert "simulated" not in said


def test_demo_without_a_colour_draws_the_clusters_alone(cohort, tmp_path, capsys):
    demo.main([str(cohort), "--out", str(tmp_path)])
    assert "silhouette" not in capsys.readouterr().out
    assert (tmp_path / "umap.png").is_file()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SystemExit, match=r"there is no file .*nowhere\.h5ad"):
        demo.main([str(tmp_path / "nowhere.h5ad"), "--out", str(tmp_path)])


def test_a_missing_column_is_named_and_the_others_listed(cohort, tmp_path):
    with pytest.raises(SystemExit, match=r"COLOR=elbow is not a column of obs.*cancer_type, patient"):
        demo.main([str(cohort), "--color", "elbow", "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()

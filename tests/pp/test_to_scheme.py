from __future__ import annotations

import anndata as ad
import dask.array as da
import numpy as np
import pytest
from scipy import sparse

import specformer as sf
from specformer._keys import SCHEME
from specformer.ranking import SCHEMES, normalise_rows


@pytest.fixture
def measured(cohort):
    cohort.var["length"] = np.random.default_rng(1).integers(300, 9_000, 120)
    return cohort


@pytest.mark.parametrize("scheme", SCHEMES)
def test_counts_to_every_scheme(measured, scheme):
    expected = normalise_rows(measured.X, scheme, measured.var["length"].to_numpy())
    counts = measured.X.copy()
    result = sf.pp.to_scheme(measured, scheme, lengths="length", copy=True)
    np.testing.assert_array_equal(measured.X, counts)
    np.testing.assert_array_equal(result.X, expected)
    assert result.uns[SCHEME.name] == {"scheme": scheme, "from": "counts", "layer": None, "lengths": "length"}


@pytest.mark.parametrize(
    "container", [sparse.csr_matrix, sparse.csc_matrix, lambda x: da.from_array(x, chunks=(7, 50))]
)
def test_containers_give_the_same(measured, container):
    expected = sf.pp.to_scheme(measured, "log2tpm", lengths="length", copy=True).X
    measured.X = container(measured.X)
    is_sparse = sparse.issparse(measured.X)
    sf.pp.to_scheme(measured, "log2tpm", lengths=measured.var["length"].to_numpy())
    assert sparse.issparse(measured.X) == is_sparse
    np.testing.assert_array_equal(measured.X.toarray() if is_sparse else measured.X, expected)


def test_a_known_logarithm_is_undone_first_and_its_note_removed(measured):
    expected = sf.pp.to_scheme(measured, "log2cpm", copy=True).X
    measured.X = np.log1p(measured.X)
    measured.uns["log1p"] = {"base": None}
    sf.pp.to_scheme(measured, "log2cpm")
    np.testing.assert_allclose(measured.X, expected, rtol=1e-4, atol=1e-4)
    assert sf.pp.detect_scale(measured).name == "log2p1"  # which the old note would contradict


def test_a_layer_of_a_view_reaches_neither_layer_nor_parent(measured):
    measured.layers["counts"] = measured.X.copy()
    view = measured[:4]
    sf.pp.to_scheme(view, "cpm", layer="counts")
    np.testing.assert_allclose(view.X.sum(axis=1), 1e6, rtol=1e-5)
    np.testing.assert_array_equal(view.layers["counts"], measured.layers["counts"][:4])
    np.testing.assert_array_equal(measured.X, measured.layers["counts"])
    assert SCHEME.name not in measured.uns


def test_linear_values_that_are_no_counts_are_taken_with_a_warning(measured, capsys):
    measured.X = measured.X * np.float32(0.3)
    sf.pp.to_scheme(measured, "cpm")
    assert "taken as proportional to counts" in capsys.readouterr().err


def test_what_counts_cannot_be_had_from_is_refused(measured):
    tpm = sf.pp.to_scheme(measured, "tpm", lengths="length", copy=True)
    with pytest.raises(ValueError, match=r"`adata.X` holds tpm values; .* divided by gene length already"):
        sf.pp.to_scheme(tpm, "cpm")
    profile = np.sort(measured.X, axis=1).mean(axis=0)
    measured.layers["quantile"] = profile[np.argsort(np.argsort(measured.X, axis=1), axis=1)]
    with pytest.raises(ValueError, match="quantile normalisation has replaced the counts"):
        sf.pp.to_scheme(measured, "cpm", layer="quantile")
    logs = np.log2(measured.X + 1)
    measured.X = logs - logs.mean(axis=0)
    with pytest.raises(ValueError, match="z-scores or centred logs"):
        sf.pp.to_scheme(measured, "cpm")


def test_lengths_must_be_there_and_positive(measured):
    before = measured.X.copy()
    with pytest.raises(ValueError, match="need the length of each gene in bases: pass `lengths=`"):
        sf.pp.to_scheme(measured, "tpm")
    with pytest.raises(KeyError, match=r"Did not find `adata.var\['bases'\]`"):
        sf.pp.to_scheme(measured, "fpkm", lengths="bases")
    with pytest.raises(ValueError, match=r"shape \(3,\); expected \(120,\)"):
        sf.pp.to_scheme(measured, "fpkm", lengths=np.ones(3))
    lengths = measured.var["length"].astype(float)
    lengths.iloc[[1, 5]] = np.nan, 0
    with pytest.raises(ValueError, match=f"2 genes have no positive length: '{measured.var_names[1]}'"):
        sf.pp.to_scheme(measured, "fpkm", lengths=lengths.to_numpy())
    with pytest.raises(ValueError, match="`scheme` is 'rpkm'; expected one of 'cpm'"):
        sf.pp.to_scheme(measured, "rpkm")
    np.testing.assert_array_equal(measured.X, before)


def test_backed_files_are_refused(measured, tmp_path):
    measured.write_h5ad(tmp_path / "cohort.h5ad")
    with pytest.raises(ValueError, match=r"is backed; .* Use `adata.to_memory\(\)` first"):
        sf.pp.to_scheme(ad.read_h5ad(tmp_path / "cohort.h5ad", backed="r"), "cpm")

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pytest

from specformer.datasets._matrix import N_GENES, convert_matrix

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "corpus_memory.py"


def write(path, values, genes=None, samples=None, missing="NA", zipped=True):
    genes = [f"g{i}" for i in range(values.shape[1])] if genes is None else genes
    samples = [f"s{i}" for i in range(values.shape[0])] if samples is None else samples
    lines = ["\t".join(["sample", *samples])]
    for gene, row in zip(genes, values.T, strict=True):
        lines.append("\t".join([gene, *(missing if np.isnan(v) else f"{v:.4f}" for v in row)]))
    text = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(text) if zipped else text)
    return path


@pytest.fixture
def log_tpm():
    """log2(TPM + 0.001) of 7 samples x (two blocks and a bit) genes."""
    rng = np.random.default_rng(0)
    tpm = rng.lognormal(0, 2, (7, 2 * N_GENES + 5)) * (rng.random((7, 2 * N_GENES + 5)) < 0.6)
    return np.log2(tpm + 0.001), tpm


@pytest.mark.parametrize("zipped", [True, False])
def test_genes_become_columns_and_logarithms_are_undone(tmp_path, log_tpm, zipped):
    published, tpm = log_tpm
    assert convert_matrix(write(tmp_path / "m", published, zipped=zipped), tmp_path / "m.h5ad", offset=0.001) == 0
    adata = ad.read_h5ad(tmp_path / "m.h5ad")
    assert adata.X.dtype == np.float32
    assert adata.obs_names.tolist() == [f"s{i}" for i in range(7)]
    assert adata.var_names[-1] == f"g{tpm.shape[1] - 1}"
    np.testing.assert_array_equal(adata.X == 0, tpm == 0)
    # Four decimals of a logarithm.
    np.testing.assert_allclose(adata.X, tpm, rtol=4e-5 * (1 + 0.001 / tpm[tpm > 0].min()), atol=1e-7)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "m.h5ad"]


def test_it_can_be_read_from_disk_by_rows(tmp_path, log_tpm):
    from specformer.pp._blocks import row_blocks

    convert_matrix(write(tmp_path / "m", log_tpm[0]), tmp_path / "m.h5ad", offset=0.001, uns={"a": {"b": 1}})
    backed = ad.read_h5ad(tmp_path / "m.h5ad", backed="r")
    blocks = [block for _, block in row_blocks(backed, n_rows=3)]
    np.testing.assert_array_equal(np.concatenate(blocks), ad.read_h5ad(tmp_path / "m.h5ad").X)
    assert int(backed.uns["a"]["b"]) == 1
    backed.file.close()


def test_values_that_are_no_logarithm_stay_as_they_are(tmp_path):
    scores = np.array([[-1.5, 0.25], [0, 1e4]])
    convert_matrix(write(tmp_path / "m", scores), tmp_path / "m.h5ad")
    np.testing.assert_array_equal(ad.read_h5ad(tmp_path / "m.h5ad").X, scores.astype(np.float32))


def test_what_batch_correction_leaves_negative_is_zero(tmp_path):
    convert_matrix(write(tmp_path / "m", np.array([[-0.3, 0, 1.0]])), tmp_path / "m.h5ad", offset=1)
    np.testing.assert_array_equal(ad.read_h5ad(tmp_path / "m.h5ad").X, [[0, 0, 1]])


@pytest.mark.parametrize("missing", ["NA", "", "nan"])
def test_genes_without_a_value_in_some_sample_are_left_out(tmp_path, log_tpm, missing):
    published = log_tpm[0].copy()
    published[3, 1] = published[0, N_GENES - 1] = published[:, -1] = np.nan
    assert convert_matrix(write(tmp_path / "m", published, missing=missing), tmp_path / "m.h5ad") == 3
    adata = ad.read_h5ad(tmp_path / "m.h5ad")
    kept = np.isfinite(published).all(axis=0)
    assert adata.var_names.tolist() == [f"g{i}" for i in np.flatnonzero(kept)]
    np.testing.assert_allclose(adata.X, published[:, kept], atol=6e-5)


def test_quoted_names_and_windows_ends(tmp_path):
    (tmp_path / "m").write_bytes(b'sample\ts1\ts2\r\n"ENSG1.2"\t1\t2\r\n')
    convert_matrix(tmp_path / "m", tmp_path / "m.h5ad")
    adata = ad.read_h5ad(tmp_path / "m.h5ad")
    assert (adata.var_names.tolist(), adata.obs_names.tolist()) == (["ENSG1.2"], ["s1", "s2"])
    np.testing.assert_array_equal(adata.X, [[1], [2]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "does not begin with a line of sample names"),
        (b"sample\n", "does not begin with a line of sample names"),
        (b"sample\ts1\ts1\ng\t1\t2\n", "names samples twice: 's1'"),
        (b"sample\ts1\ts2\ng\t1\t2\nh\t1\n", r"Found 1 values in line 3 of .*; expected 2 numbers"),
        (b"sample\ts1\ts2\ng\t1\t2\t3\n", "Found 3 values in line 2"),
        (b"sample\ts1\ts2\ng\t1\tx2\n", "Found 'x2' in line 2"),
        (b"sample\ts1\ts2\ng\t1\tNA\n", "holds no gene that all samples have a value of"),
        # The parameter is part of the test's name, which has to be the same in every worker: no time of day in it.
        (gzip.compress(b"sample\ts1\ts2\ng\t1\t2\n" * 99, mtime=0)[:-9], "is damaged .* Delete it and call again"),
    ],
)
def test_what_is_wrong_with_a_file_is_named_and_nothing_is_left(tmp_path, text, message):
    (tmp_path / "m").write_bytes(text)
    with pytest.raises(ValueError, match=message):
        convert_matrix(tmp_path / "m", tmp_path / "m.h5ad")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.skipif(sys.platform == "win32", reason="measures with the resource module, which Windows has not")
def test_memory_is_bounded_by_the_samples_alone(tmp_path):
    """A process that converts needs 3 x 4 x N_GENES bytes a sample above its own start, however many genes there are."""
    run = subprocess.run(
        [sys.executable, BENCHMARK, "--genes", "3000", "--samples", "2000", "--folder", tmp_path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert "bound kept" in run.stdout

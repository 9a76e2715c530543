from __future__ import annotations

import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import specformer as sf
from specformer.genes import GeneVocabulary, _shipped

N_GENES = 60
TABLE = pd.DataFrame(
    {
        "symbol": [f"GENE{i}" for i in range(N_GENES)],
        "ensembl": [f"ENSG{i:011d}" for i in range(N_GENES)],
        "entrez": [str(1000 + 7 * i) for i in range(N_GENES)],
        "aliases": [f"OLD{i}" for i in range(N_GENES)],
    }
)
# GENE3 stands in three columns and GENE5 in two; the last two columns are no known genes.
NAMES = [f"GENE{i}" for i in range(N_GENES)]
NAMES[20:23] = ["ENSG00000000003.7", "OLD3", "GENE5|1035"]
NAMES += ["2-Sep", "NOSUCH"]
GROUPS = {"GENE3": [3, 20, 21], "GENE5": [5, 22]}
KEPT = [i for i in range(len(NAMES)) if i not in (20, 21, 22)]
TO = {
    "counts": lambda x: x,
    "log2p1": lambda x: np.log2(x + 1),
    "log1p": np.log1p,
    "toil": lambda x: np.log2(x + 0.001),
}
FROM = {
    "counts": lambda x: x,
    "log2p1": lambda x: np.exp2(x) - 1,
    "log1p": np.expm1,
    "toil": lambda x: np.exp2(x) - 0.001,
}


@pytest.fixture
def counts():
    rng = np.random.default_rng(0)
    return rng.negative_binomial(2, 0.01, size=(8, len(NAMES))).astype(np.float32) * (rng.random((8, len(NAMES))) > 0.1)


@pytest.fixture(autouse=True)
def no_shipped_checkpoint(monkeypatch):
    monkeypatch.setattr("specformer.pp._harmonize_genes.shipped_vocabulary", lambda: None)


def cohort(X, names=NAMES, **kwargs):
    return ad.AnnData(X, var=pd.DataFrame(index=list(names)), **kwargs)


def dense(matrix):
    matrix = matrix.compute() if hasattr(matrix, "compute") else matrix
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)


def summed(linear):
    linear = linear.astype(np.float64).copy()
    for columns in GROUPS.values():
        linear[:, columns[0]] = linear[:, columns].sum(axis=1)
    return linear[:, KEPT]


def dask_array(X):
    return pytest.importorskip("dask.array").from_array(X, chunks=(3, 25))


@pytest.mark.parametrize(
    "container", [np.asarray, sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array, dask_array]
)
@pytest.mark.parametrize("scale", TO)
def test_linear_expression_is_summed_on_any_scale(counts, container, scale):
    X = TO[scale](counts).astype(np.float32)
    adata = cohort(container(X))
    assert sf.pp.detect_scale(adata).name == scale
    kind = type(adata.X)

    assert sf.pp.harmonize_genes(adata, table=TABLE) is None

    assert adata.var_names.tolist() == [NAMES[i] for i in KEPT]
    assert type(adata.X) is kind
    assert adata.X.dtype == np.float32
    found = dense(adata.X)
    np.testing.assert_allclose(FROM[scale](found.astype(np.float64)), summed(counts), rtol=1e-4, atol=2e-3)
    untouched = [new for new, old in enumerate(KEPT) if old not in (3, 5)]
    assert (found[:, untouched] == X[:, KEPT][:, untouched]).all(), "other columns keep every bit"


def test_what_is_written(counts):
    adata = cohort(counts)
    sf.pp.harmonize_genes(adata, table=TABLE)
    gene, route = adata.var["gene_id"], adata.var["gene_route"]
    assert gene["GENE3"] == "GENE3"
    assert gene["NOSUCH"] == gene["2-Sep"] == ""
    assert route["GENE3"] == "symbol"
    assert route["NOSUCH"] == "unmatched"
    assert gene[gene.ne("")].is_unique
    assert adata.uns["genes"] == {
        "params": {"gene_key": None},
        "counts": {"ensembl": 1, "symbol": 57, "alias": 1, "entrez": 0, "symbol|entrez": 1, "unmatched": 2},
        "n_collapsed": 3,
        "collapsed": ["GENE3: GENE3, ENSG00000000003.7, OLD3", "GENE5: GENE5, GENE5|1035"],
        "unmatched": {"excel date": 1, "not in the table": 1},
    }


def test_one_log_line_tells_it_all(counts, caplog):
    with caplog.at_level(logging.INFO, logger="specformer"):
        sf.pp.harmonize_genes(cohort(counts), table=TABLE)
    (line,) = caplog.messages
    assert "1 by ensembl, 57 by symbol, 1 by alias, 1 by symbol|entrez; 3 collapsed; 2 unmatched" in line
    assert "1 excel date: '2-Sep'" in line
    assert "1 not in the table: 'NOSUCH'" in line


def test_every_layer_is_summed_on_its_own_scale(counts):
    adata = cohort(np.log2(counts + 1), layers={"counts": sparse.csr_matrix(counts.astype(np.int64))})
    adata.obsm["X_pca"] = np.ones((8, 2))
    adata.varm["loadings"] = np.arange(len(NAMES) * 2).reshape(-1, 2)
    adata.raw = adata
    sf.pp.harmonize_genes(adata, table=TABLE)
    assert (adata.layers["counts"].toarray() == summed(counts)).all()
    assert adata.layers["counts"].dtype == np.int64
    np.testing.assert_allclose(np.exp2(adata.X.astype(np.float64)) - 1, summed(counts), rtol=1e-4, atol=1e-3)
    assert adata.obsm["X_pca"].shape == (8, 2)
    assert adata.varm["loadings"][:, 0].tolist() == [2 * i for i in KEPT]
    assert adata.raw.n_vars == len(NAMES)


def test_without_duplicates_expression_is_not_touched(counts):
    X = counts - counts.mean(axis=0)  # z-scores would be refused if anything had to be summed
    adata = cohort(X[:, :20], NAMES[:20])
    matrix = adata.X
    sf.pp.harmonize_genes(adata, table=TABLE)
    assert adata.X is matrix
    assert adata.var["gene_id"].tolist() == NAMES[:20]


def test_again_changes_nothing(counts):
    adata = cohort(counts)
    sf.pp.harmonize_genes(adata, table=TABLE)
    before = adata.copy()
    sf.pp.harmonize_genes(adata, table=TABLE)
    assert (adata.X == before.X).all()
    assert adata.var["gene_id"].equals(before.var["gene_id"])


def test_column_order_does_not_change_a_bit(counts):
    order = np.random.default_rng(1).permutation(len(NAMES))
    one, other = cohort(np.log1p(counts)), cohort(np.log1p(counts[:, order]), np.array(NAMES)[order])
    for adata in (one, other):
        sf.pp.harmonize_genes(adata, table=TABLE)
    genes = one.var["gene_id"][one.var["gene_id"].ne("")]
    columns = [other.var["gene_id"].tolist().index(gene) for gene in genes]
    assert (one.X[:, one.var["gene_id"].ne("").to_numpy()] == other.X[:, columns]).all()


def test_copy_leaves_the_input_alone(counts):
    adata = cohort(counts)
    copied = sf.pp.harmonize_genes(adata, table=TABLE, copy=True)
    assert copied.n_vars == len(KEPT)
    assert adata.shape == counts.shape
    assert list(adata.var) == list(adata.uns) == []
    assert (adata.X == counts).all()


def test_a_view_becomes_an_object_of_its_own(counts):
    whole = cohort(counts)
    view = whole[[4, 2, 0]]
    sf.pp.harmonize_genes(view, table=TABLE)
    assert not view.is_view
    assert (view.X == summed(counts[[4, 2, 0]])).all()
    assert whole.shape == counts.shape


def test_gene_key_names_the_column(counts):
    adata = cohort(counts, [f"row-{i}" for i in range(len(NAMES))])
    adata.var["symbol"] = [*NAMES[:-2], None, np.nan]
    sf.pp.harmonize_genes(adata, gene_key="symbol", table=TABLE)
    assert adata.var_names[3] == "row-3"
    assert adata.uns["genes"]["unmatched"] == {"missing": 2}
    with pytest.raises(KeyError, match=r"Did not find `adata.var\['gene'\]`.*'symbol'"):
        sf.pp.harmonize_genes(adata, gene_key="gene", table=TABLE)


def test_survives_the_disk(counts, tmp_path):
    adata = cohort(counts)
    sf.pp.harmonize_genes(adata, table=TABLE)
    adata.write_h5ad(tmp_path / "cohort.h5ad")
    read = ad.read_h5ad(tmp_path / "cohort.h5ad")
    assert read.var["gene_id"].tolist() == adata.var["gene_id"].tolist()
    assert read.var["gene_route"].tolist() == adata.var["gene_route"].tolist()
    assert read.uns["genes"]["counts"] == adata.uns["genes"]["counts"]
    assert read.uns["genes"]["collapsed"].tolist() == adata.uns["genes"]["collapsed"]


def unchanged(adata, X):
    return (
        adata.shape == X.shape
        and not len(adata.var.columns)
        and "genes" not in adata.uns
        and (dense(adata.X) == X).all()
    )


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([f"Trp{i}" for i in range(len(NAMES))], "'mouse symbol'.*'Trp0'.*Expected human genes such as 'TP53'"),
        ([f"{i}_s_at" for i in range(len(NAMES))], "'probe'.*'0_s_at'.*Map probes to genes"),
        ([str(i) for i in range(len(NAMES))], "row numbers.*'0', '1'.*gene_key"),
        ([*NAMES[:-1], "nan"], "missing values written as text: 'nan'"),
        ([f"unknown-{i}" for i in range(len(NAMES))], "None of the 62 gene names is known"),
    ],
)
def test_names_that_are_no_human_genes(counts, names, message):
    adata = cohort(counts, names)
    with pytest.raises(ValueError, match=message):
        sf.pp.harmonize_genes(adata, table=TABLE)
    assert unchanged(adata, counts)


def test_z_scores_are_not_summed(counts):
    X = ((counts - counts.mean(axis=0)) / (counts.std(axis=0) + 1)).astype(np.float32)
    adata = cohort(X)
    with pytest.raises(ValueError, match=r"`adata.X` holds z-scores.*Run `sf.pp.harmonize_genes` on the expression"):
        sf.pp.harmonize_genes(adata, table=TABLE)
    assert unchanged(adata, X)


def test_z_scores_in_a_layer_are_named_before_anything_is_written(counts):
    adata = cohort(counts, layers={"scaled": counts - counts.mean(axis=0)})
    with pytest.raises(ValueError, match=r"`adata.layers\['scaled'\]` holds z-scores.*del adata.layers\['scaled'\]"):
        sf.pp.harmonize_genes(adata, table=TABLE)
    assert unchanged(adata, counts)


@pytest.mark.parametrize("key_added", ["tfidf_rank", "mine"])
def test_ranks_are_not_summed(counts, key_added):
    adata = cohort(counts)
    sf.pp.tfidf_order(adata, key_added=key_added)
    with pytest.raises(ValueError, match=rf"`adata.layers\['{key_added}'\]` holds ranks.*del adata.layers"):
        sf.pp.harmonize_genes(adata, table=TABLE)
    assert adata.shape == counts.shape


def test_nan_names_the_samples(counts):
    counts[2, 7] = np.nan
    with pytest.raises(ValueError, match=r"NaN in `adata\.X` in 1 of 8 samples: '2'"):
        sf.pp.harmonize_genes(cohort(counts), table=TABLE)


def test_backed(counts, tmp_path):
    cohort(counts).write_h5ad(tmp_path / "twice.h5ad")
    cohort(counts[:, :20], NAMES[:20]).write_h5ad(tmp_path / "once.h5ad")
    backed = ad.read_h5ad(tmp_path / "twice.h5ad", backed="r")
    with pytest.raises(ValueError, match=r"2 genes stand in several columns.*Run `adata = adata.to_memory\(\)` first"):
        sf.pp.harmonize_genes(backed, table=TABLE)
    backed.file.close()
    backed = ad.read_h5ad(tmp_path / "once.h5ad", backed="r")
    sf.pp.harmonize_genes(backed, table=TABLE)
    assert backed.var["gene_id"].tolist() == NAMES[:20]
    backed.file.close()


def test_table_may_be_a_vocabulary(counts):
    adata = cohort(counts)
    sf.pp.harmonize_genes(adata, table=GeneVocabulary.from_table(TABLE))
    assert adata.n_vars == len(KEPT)


def test_the_shipped_checkpoint_is_the_default_table(counts, monkeypatch, caplog):
    half = GeneVocabulary.from_table(TABLE.iloc[: N_GENES // 2])
    monkeypatch.setattr("specformer.pp._harmonize_genes.shipped_vocabulary", lambda: half)
    adata = cohort(counts)
    with caplog.at_level(logging.INFO, logger="specformer"):
        sf.pp.harmonize_genes(adata)
    # GENE20 to GENE22 are not in this cohort under any name.
    assert adata.uns["genes"]["coverage"] == pytest.approx(27 / 30)
    assert "90.0% of the checkpoint's genes are at hand" in caplog.text
    assert adata.var["gene_id"]["GENE40"] == ""
    # A table of the user's own is used for names, and the coverage is still the checkpoint's.
    adata = cohort(counts)
    sf.pp.harmonize_genes(adata, table=TABLE)
    assert adata.var["gene_id"]["GENE40"] == "GENE40"
    assert adata.uns["genes"]["coverage"] == pytest.approx(27 / 30)


def test_without_a_checkpoint_the_table_is_fetched(counts, monkeypatch):
    monkeypatch.setattr("specformer.datasets.gene_table", lambda: TABLE)
    adata = cohort(counts)
    sf.pp.harmonize_genes(adata)
    assert adata.n_vars == len(KEPT)


def test_the_shipped_vocabulary_is_read_without_torch():
    vocabulary = _shipped.shipped_vocabulary()
    if vocabulary is None:
        pytest.skip("this build ships no checkpoint")
    assert len(vocabulary) > 1000
    assert vocabulary.weighting
    assert vocabulary.n_obs > 0


REAL_FILES = ["tcga_htseq_counts", "tcga_rsem_normalized", "rnaseqdb_expected_count", "tcga_gtex_panel"]


@pytest.fixture(scope="module")
def every_gene(real_data):
    annotation, aliases = (real_data / "genes" / name for name in ("ensembl_grch38.csv.gz", "hgnc_alias_table.csv.gz"))
    return GeneVocabulary.from_table(sf.genes.build_gene_table(annotation=annotation, aliases=aliases))


@pytest.mark.real_data
@pytest.mark.parametrize("file", REAL_FILES)
def test_real_cohorts(real_data, every_gene, file):
    adata = ad.read_h5ad(real_data / f"{file}.h5ad")[:20].copy()
    before = adata.X.copy()
    sf.pp.harmonize_genes(adata, table=every_gene)
    assert adata.var["gene_id"].ne("").mean() > 0.98
    assert adata.var["gene_id"][adata.var["gene_id"].ne("")].is_unique
    if file != "tcga_gtex_panel":  # linear: nothing of the expression may be lost
        np.testing.assert_allclose(
            adata.X.sum(axis=1, dtype=np.float64), before.sum(axis=1, dtype=np.float64), rtol=1e-6
        )

"""The names that six real cohorts come with, found in a table made from public annotation."""

from __future__ import annotations

import h5py
import pytest

from specformer.genes import GeneVocabulary, build_gene_table, match_genes

pytestmark = pytest.mark.real_data
FILES = {
    "tcga_gtex_wide": "symbol",
    "tcga_gtex_panel": "symbol",
    "tcga_htseq_counts": "ensembl",
    "tcga_rsem_normalized": "symbol|entrez",
    "rnaseqdb_expected_count": "symbol|entrez",
    "rnaseqdb_fpkm": "symbol|entrez",
}


@pytest.fixture(scope="module")
def table_of(real_data):
    genes = real_data / "genes"
    annotation, aliases = genes / "ensembl_grch38.csv.gz", genes / "hgnc_alias_table.csv.gz"

    def build(names=None):
        table = build_gene_table(names, annotation=annotation, aliases=aliases)
        return GeneVocabulary.from_table(table)

    return build


@pytest.fixture(scope="module")
def names_of(real_data):
    def read(file):
        with h5py.File(real_data / f"{file}.h5ad") as f:
            return f["var"][f["var"].attrs["_index"]].asstr()[:].tolist()

    return read


@pytest.fixture(scope="module")
def every_gene(table_of):
    return table_of()


@pytest.fixture(scope="module")
def wide_genes(table_of, names_of):
    return table_of(names_of("tcga_gtex_wide"))


@pytest.mark.parametrize("file", FILES)
def test_names_of_a_cohort_are_known(every_gene, names_of, file, record_property):
    match = match_genes(names_of(file), every_gene)
    matched = 1 - match.counts["unmatched"] / len(match.index)
    record_property("matched", f"{matched:.4f} {match.counts}")
    assert matched > 0.98
    routes = {"symbol", "alias"} if FILES[file] == "symbol" else {FILES[file]}
    assert sum(match.counts[route] for route in routes) == (match.index >= 0).sum()


@pytest.mark.parametrize("file", [file for file in FILES if file != "tcga_gtex_panel"])
def test_other_namespaces_reach_the_genes_of_the_wide_cohort(wide_genes, names_of, file, record_property):
    match = match_genes(names_of(file), wide_genes)
    record_property("coverage", f"{match.coverage:.4f}")
    assert match.coverage >= 0.95


def test_old_symbols_and_ensembl_ids_mean_the_same_gene(real_data, every_gene, names_of):
    """Two columns of one file, matched apart from each other, lead to the same gene."""
    with h5py.File(real_data / "tcga_gtex_wide.h5ad") as f:
        entrez = f["var"]["entrez"][:]
        entrez = entrez if entrez.dtype.kind in "if" else f["var"]["entrez"].asstr()[:]
    by_number = match_genes(entrez.tolist(), every_gene).index
    by_symbol = match_genes(names_of("tcga_gtex_wide"), every_gene).index
    both = (by_number >= 0) & (by_symbol >= 0)
    assert both.mean() > 0.99
    assert (by_number == by_symbol)[both].mean() > 0.99

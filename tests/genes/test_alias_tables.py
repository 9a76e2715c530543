from __future__ import annotations

import pandas as pd
import pytest

from specformer.genes import GeneVocabulary, build_gene_table, match_genes

ENSEMBL = pd.DataFrame(
    [
        ("ENSG00000141510", 7157.0, "TP53", "17", "protein_coding"),
        ("ENSG00000011454", 2844.0, "RABGAP1", "9", "protein_coding"),
        ("ENSG00000011454", 23637.0, "RABGAP1", "9", "protein_coding"),
        ("ENSG00000188394", 2844.0, "GPR21", "9", "protein_coding"),
        ("ENSG00000206503", 3105.0, "HLA-A", "6", "protein_coding"),
        ("ENSG00000206505", 3105.0, "HLA-A", "CHR_HSCHR6_MHC_COX_CTG1", "protein_coding"),
        ("ENSG00000187951", 89839.0, "ARHGAP11B", "15", "protein_coding"),
        ("ENSG00000187951", 100288637.0, "ARHGAP11B", "15", "protein_coding"),
        ("ENSG00000274734", 89839.0, "AC243687.1", "CHR_HSCHR15_4_CTG8", "protein_coding"),
        ("ENSG00000145416", 55016.0, "MARCH1", "4", "protein_coding"),
        ("ENSG00000201699", None, "Y_RNA", "1", "misc_RNA"),
        ("ENSG00000206859", None, "Y_RNA", "2", "misc_RNA"),
        ("ENSG00000002726", 26.0, "AOC1", "7", "protein_coding"),
    ],
    columns=["id", "entrez", "symbol", "chr", "biotype"],
)
ALIASES = pd.DataFrame(
    [
        ("TP53", "TP53"), ("P53", "TP53"), ("LFS1", "TP53"), ("53", "TP53"),
        ("RABGAP1", "RABGAP1"), ("GPR21", "GPR21"), ("HLA-A", "HLA-A"),
        ("MARCHF1", "MARCHF1"), ("MARCH1", "MARCHF1"), ("1-MAR", "MARCHF1"), ("03/1", "MARCHF1"),
        ("AOC1", "AOC1"), ("ABP1", "AOC1"), ("ABP1", "OUTSIDE"), ("dao", "AOC1"), ("DAO", "DAO"), ("OUTSIDE", "OUTSIDE"),
    ],
    columns=["Symbol", "Approved.Symbol"],
)  # fmt: skip
HGNC = pd.DataFrame(
    {
        "hgnc_id": ["HGNC:11998", "HGNC:80"],
        "symbol": ["TP53", "AOC1"],
        "alias_symbol": ["p53|LFS1", "DAO"],
        "prev_symbol": [None, "ABP1"],
        "entrez_id": ["7157", "26"],
        "ensembl_gene_id": ["ENSG00000141510", "ENSG00000002726"],
    }
)


@pytest.fixture(scope="module")
def table():
    return build_gene_table(annotation=ENSEMBL, aliases=ALIASES).set_index("symbol")


def test_every_gene_has_one_row_in_vocabulary_order(table):
    assert table["ensembl"].tolist() == sorted(set(ENSEMBL["id"]) - {"ENSG00000206505"})
    assert table.index.is_unique


def test_an_entrez_id_goes_to_the_gene_that_has_no_other(table):
    assert table.loc["RABGAP1", "entrez"] == "23637"
    assert table.loc["GPR21", "entrez"] == "2844"
    assert table.loc["ARHGAP11B", "entrez"] == "89839", "a claim from an alternative haplotype does not count"
    assert table["entrez"][table["entrez"].ne("")].is_unique


def test_old_symbols_are_brought_up_to_date(table):
    assert table.loc["MARCHF1", "ensembl"] == "ENSG00000145416"
    assert table.loc["MARCHF1", "aliases"] == "MARCH1"


def test_haplotypes_become_secondary_ids(table):
    assert table.loc["HLA-A", "ensembl"] == "ENSG00000206503"
    assert table.loc["HLA-A", "aliases"] == "ENSG00000206505"
    vocabulary = GeneVocabulary.from_table(table.reset_index())
    assert vocabulary.symbols[match_genes(["ENSG00000206505.3"], vocabulary).index[0]] == "HLA-A"


def test_a_name_of_many_loci_names_none(table):
    assert "Y_RNA" not in table.index
    assert "ENSG00000201699" in table.index


def test_unsafe_aliases_are_left_out(table):
    # A number, dates, a name of two genes, and a name that is another gene's symbol but for its case.
    assert table.loc["TP53", "aliases"] == "LFS1;P53"
    assert table.loc["AOC1", "aliases"] == ""


def test_ambiguity_is_judged_before_the_cut():
    # OUTSIDE, the other gene that ABP1 means, is not among the genes wanted.
    small = build_gene_table(["ENSG00000002726"], annotation=ENSEMBL, aliases=ALIASES)
    assert small["symbol"].tolist() == ["AOC1"]
    assert small["aliases"].tolist() == [""]


def test_hgnc_carries_its_own_aliases(tmp_path):
    table = build_gene_table(annotation=HGNC).set_index("symbol")
    assert table.loc["TP53", "aliases"] == "LFS1;p53"
    assert table.loc["AOC1", "aliases"] == "ABP1;DAO"
    assert table.loc["AOC1", "entrez"] == "26"
    HGNC.to_csv(tmp_path / "hgnc.txt", sep="\t", index=False)
    pd.testing.assert_frame_equal(build_gene_table(annotation=tmp_path / "hgnc.txt").set_index("symbol"), table)


def test_files_and_frames_give_the_same(tmp_path, table):
    ENSEMBL.to_csv(tmp_path / "ensembl.csv.gz", index=False)
    ALIASES.to_csv(tmp_path / "aliases.csv", index=False)
    read = build_gene_table(annotation=tmp_path / "ensembl.csv.gz", aliases=str(tmp_path / "aliases.csv"))
    pd.testing.assert_frame_equal(read.set_index("symbol"), table)


def test_row_order_does_not_matter(table):
    shuffled = build_gene_table(annotation=ENSEMBL.sample(frac=1, random_state=1), aliases=ALIASES[::-1])
    pd.testing.assert_frame_equal(shuffled.set_index("symbol"), table)


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match=r"Expected a column named one of 'symbol'.*found 'gene'"):
        build_gene_table(annotation=pd.DataFrame({"gene": ["TP53"]}))

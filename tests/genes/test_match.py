from __future__ import annotations

import re
from time import process_time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specformer.genes import ROUTES, GeneVocabulary, match_genes, name_kind

TABLE = pd.DataFrame(
    [
        ("TP53", "ENSG00000141510", "7157", "LFS1;P53"),
        ("ACTB", "ENSG00000075624", "60", ""),
        ("ACTG1", "ENSG00000184009", "71", "SHARED"),
        ("AOC1", "ENSG00000002726", "26", "ABP1;DAO;SHARED"),
        ("SHROOM2", "ENSG00000146950", "357", "APXL;TP53"),
        ("C1orf112", "ENSG00000000460", "55732", ""),
        ("DHRSX", "ENSG00000169084", "207063", "ENSG00000999999"),
        ("AC000068.10", "ENSG00000242876", "", ""),
        ("MARCHF1", "ENSG00000145416", "55016", "MARCH1;1-MAR"),
    ],
    columns=["symbol", "ensembl", "entrez", "aliases"],
)


@pytest.fixture(scope="module")
def vocabulary():
    return GeneVocabulary.from_table(TABLE)


@pytest.mark.parametrize(
    ("name", "symbol", "route"),
    [
        ("ENSG00000141510", "TP53", "ensembl"),
        ("ENSG00000141510.18", "TP53", "ensembl"),
        ("ENSG00000169084.15_PAR_Y", "DHRSX", "ensembl"),
        ("ENSGR0000169084.10", "DHRSX", "ensembl"),
        ("ENSG00000999999.1", "DHRSX", "ensembl"),
        ("TP53", "TP53", "symbol"),
        (" TP53 ", "TP53", "symbol"),
        ("AC000068.10", "AC000068.10", "symbol"),
        ("C1orf112", "C1orf112", "symbol"),
        ("C1ORF112", "C1orf112", "symbol"),
        ("actb", "ACTB", "symbol"),
        ("P53", "TP53", "alias"),
        ("p53", "TP53", "alias"),
        ("MARCH1", "MARCHF1", "alias"),
        ("7157", "TP53", "entrez"),
        ("7157.0", "TP53", "entrez"),
        (7157, "TP53", "entrez"),
        (7157.0, "TP53", "entrez"),
        ("TP53|7157", "TP53", "symbol|entrez"),
        ("?|7157", "TP53", "symbol|entrez"),
        ("NOSUCH|7157", "TP53", "symbol|entrez"),
        ("ACTG1|60", "ACTG1", "symbol|entrez"),  # 60 is ACTB: an approved symbol goes before a wrong number
        ("LFS1|26", "AOC1", "symbol|entrez"),  # and a number before an alias
        ("LFS1|0", "TP53", "symbol|entrez"),
    ],
)
def test_one_name(vocabulary, name, symbol, route):
    match = match_genes([name, "AOC1"], vocabulary)
    assert vocabulary.symbols[match.index[0]] == symbol
    assert match.route[0] == route


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("SHARED", "ambiguous alias"),
        ("ENSG00000141510.x", "not in the table"),
        ("ENSG0000014151", "not in the table"),
        ("AC000068.1", "not in the table"),
        ("Trp53", "mouse symbol"),
        ("Actb", "mouse symbol"),
        ("1-Mar", "excel date"),
        ("1-MAR", "excel date"),
        ("2-Sep", "excel date"),
        ("Sep-02", "excel date"),
        ("2023-09-02 00:00:00", "excel date"),
        (None, "missing"),
        (float("nan"), "missing"),
        (pd.NA, "missing"),
        ("", "missing"),
    ],
)
def test_not_a_name(vocabulary, name, reason):
    match = match_genes(["TP53", "AOC1", name], vocabulary)
    assert match.index[2] == -1
    assert match.route[2] == "unmatched"
    assert list(match.unmatched) == [reason]


def test_an_approved_symbol_beats_an_alias(vocabulary):
    # TP53 is listed among the aliases of SHROOM2.
    assert vocabulary.symbols[match_genes(["TP53"], vocabulary).index[0]] == "TP53"
    # Upper-casing must not lead there either.
    assert vocabulary.symbols[match_genes(["tp53"], vocabulary).index[0]] == "TP53"


def test_counts_coverage_and_collapsed(vocabulary):
    match = match_genes(["TP53", "P53", "ENSG00000075624", "60", "AOC1|26", "unknown-1"], vocabulary)
    assert match.counts == {"ensembl": 1, "symbol": 1, "alias": 1, "entrez": 1, "symbol|entrez": 1, "unmatched": 1}
    assert tuple(match.counts) == ROUTES
    assert match.n_collapsed == 2
    assert match.coverage == pytest.approx(3 / len(TABLE))
    assert match.index.dtype == np.int64
    assert sorted(vocabulary.symbols[match.genes]) == ["ACTB", "AOC1", "TP53"]


MOUSE = ["Trp53", "Actb", "Gapdh", "Cd8a", "1700001C02Rik", "mt-Nd1"]
AFFYMETRIX = ["1007_s_at", "1053_at", "200000_x_at", "AFFX-BioB-5_at"]


@pytest.mark.parametrize(
    ("names", "found", "cure"),
    [
        (["GENE_A", "GENE_B"], "None of the 2 gene names is known: 'GENE_A', 'GENE_B'", "gene_key"),
        (MOUSE, "6 of 6 gene names are of the kind 'mouse symbol', more than are human genes: 'Trp53'", "orthologues"),
        ([*MOUSE, "TP53", "ACTB"], "6 of 8 gene names", "orthologues"),
        (["ENSMUSG00000059552", "ENSMUSG00000029580.14"], "'ENSMUSG00000059552'", "orthologues"),
        (["ENSRNOG00000010756"], "'ensembl of another species'", "orthologues"),
        (AFFYMETRIX, "'1007_s_at'", "Map probes to genes"),
        (["ILMN_1762337", "ILMN_2055271"], "'ILMN_1762337'", "Map probes to genes"),
        (["ENST00000269305.9", "ENST00000413465"], "'ENST00000269305.9'", "Aggregate to genes first"),
        (["NM_000546.6", "NR_046018"], "'NM_000546.6'", "Aggregate to genes first"),
        (
            ["0", "1", "2"],
            "row numbers; the real names were probably lost when the table was read: '0', '1'",
            "gene_key",
        ),
        ([str(i) for i in range(1, 20_001)], "row numbers", "gene_key"),
        ([str(i) for i in range(0, 20_000) if i % 3], "row numbers", "gene_key"),
        (["1-Mar", "2-Sep", "3-Mar", "TP53"], "3 of 4 gene names are of the kind 'excel date'", "spreadsheet"),
        (["TP53", "nan", "ACTB"], "1 of 3 gene names are missing values written as text: 'nan'", "drop these columns"),
        (["TP53", "None"], "written as text: 'None'", "gene_key"),
    ],
)
def test_refusals_say_what_was_found_and_what_to_do(vocabulary, names, found, cure):
    with pytest.raises(ValueError, match=re.escape(found)) as error:
        match_genes(names, vocabulary)
    assert "Expected human genes such as 'TP53', 'ENSG00000141510'" in str(error.value)
    assert cure in str(error.value)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["TP53", "ACTB", "ENSG00000141510"], "symbol"),
        (["ENSG00000141510.2", "ENSGR0000169084.10", "TP53"], "ensembl"),
        (["7157", "60", "100288637"], "entrez"),
        (["7157"], "entrez"),
        (["7157.0", "60.0"], "entrez"),
        (["TP53|7157", "?|60"], "symbol|entrez"),
        (MOUSE, "mouse symbol"),
        (AFFYMETRIX, "probe"),
        (["ENSMUST00000000001"], "transcript"),
        (["0", "1", "2", "3"], "row number"),
        ([], "missing"),
    ],
)
def test_name_kind(names, kind):
    assert name_kind(names) == kind


def test_entrez_ids_are_no_row_numbers(vocabulary):
    rng = np.random.default_rng(0)
    scattered = {str(i) for i in rng.choice(120_000, 15_000, replace=False)} | {"7157"}
    assert match_genes(sorted(scattered), vocabulary).counts["entrez"] >= 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["TP53", "P53", "SHARED", "?|60", "26", "ENSG00000141510.3", "NOSUCH", "Xyz", None])))
def test_each_name_is_matched_by_itself(names):
    vocabulary = GeneVocabulary.from_table(TABLE)
    names = ["ACTB", *names, *["AOC1"] * len(names)]
    match = match_genes(names, vocabulary)
    alone = [match_genes(["ACTB", name], vocabulary) for name in names]
    assert match.index.tolist() == [one.index[1] for one in alone]
    assert match.route.tolist() == [one.route[1] for one in alone]


def test_60_000_names_take_well_under_a_second():
    numbers = np.arange(60_000)
    table = pd.DataFrame(
        {
            "symbol": [f"GENE{i}" for i in numbers],
            "ensembl": [f"ENSG{i:011d}" for i in numbers],
            "entrez": (3 * numbers + 7).astype(str),
            "aliases": [f"OLD{i};ALSO{i}" for i in numbers],
        }
    )
    vocabulary = GeneVocabulary.from_table(table)
    assert len(vocabulary.lookup.alias) == 120_000
    names = [f"ENSG{i:011d}.5" if i % 2 else f"GENE{i}|{3 * i + 7}" for i in numbers]
    start = process_time()
    match = match_genes(names, vocabulary)
    assert process_time() - start < 1
    assert match.index.tolist() == numbers.tolist()

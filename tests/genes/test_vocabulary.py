from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specformer.genes import N_SPECIAL, SPECIAL_TOKENS, GeneVocabulary

TABLE = pd.DataFrame(
    {
        "symbol": ["B", "A", "NA"],
        "ensembl": ["ENSG00000000002", "ENSG00000000001", ""],
        "entrez": [2.0, np.nan, 7.0],
        "aliases": ["B1;B2", None, "nan"],
    }
)


def test_from_table_sorts_and_fills():
    vocabulary = GeneVocabulary.from_table(TABLE.assign(scale=[0.5, 1.5, 2.5], df=[3, 2, 1]))
    assert vocabulary.symbols.tolist() == ["NA", "A", "B"]
    assert vocabulary.ids.tolist() == ["NA", "ENSG00000000001", "ENSG00000000002"]
    assert vocabulary.table["entrez"].tolist() == ["7", "", "2"]
    assert vocabulary.table["aliases"].tolist() == ["nan", "", "B1;B2"]
    assert vocabulary.table["scale"].dtype == np.float32
    assert vocabulary.table["scale"].tolist() == [2.5, 1.5, 0.5]
    assert vocabulary.table["df"].tolist() == [1, 2, 3]
    assert len(vocabulary) == 3
    assert len(SPECIAL_TOKENS) == N_SPECIAL == 3


def test_from_table_needs_only_one_id_column():
    vocabulary = GeneVocabulary.from_table(pd.DataFrame({"symbol": ["TP53", "ACTB"]}))
    assert vocabulary.symbols.tolist() == ["ACTB", "TP53"]
    assert vocabulary.ids.tolist() == ["ACTB", "TP53"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"symbol": ["B", "B", "C"]}, "holds 'B' more than once"),
        ({"ensembl": ["ENSG00000000002"] * 3}, "holds 'ENSG00000000002', 'ENSG00000000002' more than once"),
    ],
)
def test_a_gene_stands_once(change, message):
    with pytest.raises(ValueError, match=message):
        GeneVocabulary.from_table(TABLE.assign(**change))


def test_constructor_wants_order_and_columns():
    with pytest.raises(ValueError, match="not sorted by Ensembl id"):
        GeneVocabulary(GeneVocabulary.from_table(TABLE).table.iloc[::-1].reset_index(drop=True))
    with pytest.raises(ValueError, match="lacks 'aliases'"):
        GeneVocabulary(TABLE.drop(columns="aliases"))
    with pytest.raises(ValueError, match="Expected a gene table with columns"):
        GeneVocabulary.from_table(pd.DataFrame({"gene": ["TP53"]}))


def test_the_table_given_is_not_changed():
    before = TABLE.copy()
    GeneVocabulary.from_table(TABLE)
    pd.testing.assert_frame_equal(TABLE, before)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), min_size=3, max_size=3),
    st.lists(st.integers(0, 2**40), min_size=3, max_size=3),
)
def test_write_and_read_keep_every_bit(tmp_path_factory, scale, df):
    written = GeneVocabulary.from_table(TABLE.assign(scale=np.array(scale, np.float32), df=df))
    path = tmp_path_factory.mktemp("vocabulary") / "genes.csv"
    written.write(path)
    read = GeneVocabulary.read(path, weighting="median", n_obs=12)
    pd.testing.assert_frame_equal(read.table, written.table)
    same = read.table["scale"].to_numpy() == written.table["scale"].to_numpy()
    assert (same | np.isnan(written.table["scale"])).all()
    assert (read.weighting, read.n_obs) == ("median", 12)


def test_take_keeps_vocabulary_order():
    vocabulary = GeneVocabulary.from_table(TABLE, weighting="tfidf", n_obs=5)
    taken = vocabulary.take([2, 0])
    assert taken.symbols.tolist() == ["NA", "B"]
    assert (taken.weighting, taken.n_obs) == ("tfidf", 5)

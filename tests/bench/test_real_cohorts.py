from __future__ import annotations

import pytest

from specformer import bench


@pytest.mark.real_data
def test_linear_references_reach_what_is_published_of_them(real_data, value):
    references = {name: bench.LINEAR_REFERENCES[name] for name in ("PCA-128", "rank-PPCA-128", "rank-PPCA + WCCN")}
    table = bench.run(references, real_data, axes=["tumour type", "missing genes", "units"], n_boot=2)
    types = table[table["axis"] == "tumour type"]
    assert value(types, "PCA-128", "accuracy") > 0.93
    assert value(types, "rank-PPCA-128", "accuracy") > 0.93
    assert value(table, "PCA-128", "accuracy", "95% missing") < 0.4
    assert value(table, "rank-PPCA-128", "accuracy", "95% missing") > 0.9
    pair = "RSEM counts against FPKM"
    assert value(table, "PCA-128", "same sample top-1", pair) < 0.9
    assert value(table, "rank-PPCA + WCCN", "same sample top-1", pair) == 1
    assert value(table, "rank-PPCA + WCCN", "accuracy", "HTSeq counts, Ensembl ids") > 0.95

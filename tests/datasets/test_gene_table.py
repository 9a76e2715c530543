from __future__ import annotations

import hashlib

import pandas as pd

from specformer.datasets import _gene_table, gene_table
from specformer.datasets._registry import Source


def test_gene_table_reads_what_hgnc_publishes(server, monkeypatch):
    hgnc = (
        b"hgnc_id\tsymbol\talias_symbol\tprev_symbol\tentrez_id\tensembl_gene_id\n"
        b'HGNC:11998\tTP53\t"p53|LFS1"\t\t7157\tENSG00000141510\n'
    )
    server.files["hgnc.txt"] = hgnc
    local = Source("hgnc.txt", server.url("hgnc.txt"), licence="CC0", sha256=hashlib.sha256(hgnc).hexdigest())
    monkeypatch.setitem(_gene_table.SOURCES, "hgnc", local)
    expected = pd.DataFrame(
        {"symbol": ["TP53"], "ensembl": ["ENSG00000141510"], "entrez": ["7157"], "aliases": ["LFS1;p53"]}
    )
    pd.testing.assert_frame_equal(gene_table(), expected.astype(object))

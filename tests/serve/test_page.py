"""The page, driven without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

import specformer.serve

AppTest = pytest.importorskip("streamlit.testing.v1", reason='needs pip install ".[serve]"').AppTest
GENES = "TP53 EGFR MYC ERBB2 BRCA1 BRCA2 PTEN CDKN2A KRAS NRAS BRAF PIK3CA".split()
Z_SCORES = ("gene,s1,s2\n" + "".join(f"{gene},1.5,-1\n{gene}L,-1,1\n" for gene in GENES)).encode()
PAGE = Path(specformer.serve.__file__).with_name("_page.py")


@pytest.fixture
def page():
    return AppTest.from_file(str(PAGE), default_timeout=300).run()


def test_the_page_asks_for_a_file(page):
    assert not page.exception
    assert page.file_uploader[0].allowed_type == [".h5ad", ".csv", ".tsv"]
    assert "200 MB" in page.caption[0].value


def test_a_file_is_described_and_annotated(page, table, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    page.file_uploader[0].set_value((table.name, table.read_bytes(), "text/csv"))
    page.run()
    assert not page.exception
    assert not page.error
    figures = {metric.label: metric.value for metric in page.metric}
    assert figures["Samples"] == "12"
    assert figures["Unit"] == "counts"
    assert float(figures["Genes at hand"].rstrip("%")) > 20
    assert len(page.dataframe[0].value) == 12
    assert {"predicted type", "confidence", "nearest profile 1"} <= set(page.dataframe[0].value)
    assert [element.type for element in page.main].count("error") == 0
    assert not list(tmp_path.iterdir()), "nothing stays on disk"
    kept = page.session_state["done"]
    page.selectbox[0].set_value("confidence").run()
    assert not page.exception
    assert page.session_state["done"] is kept, "a click does not compute anew"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"\x80\x04K\x01.", "a Python pickle, which is never opened"),
        ("a.h5ad", b"gene,s1\nTP53,1\n", "named .h5ad but is a text file"),
        ("a.csv", Z_SCORES, "z-scores"),
    ],
)
def test_what_is_refused_is_told(page, name, content, says):
    page.file_uploader[0].set_value((name, content, "text/plain"))
    page.run()
    assert not page.exception
    assert says in page.error[0].value
    assert not page.metric

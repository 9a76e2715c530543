from __future__ import annotations

from specformer.datasets._registry import SOURCES


def test_every_source_says_where_it_is_and_on_what_terms():
    for known in SOURCES.values():
        assert known.url.startswith("https://")
        assert known.url.replace("%2B", "+").endswith("/" + known.name)
        assert known.licence
        assert known.sha256 is None or len(bytes.fromhex(known.sha256)) == 32
    assert len({known.name for known in SOURCES.values()}) == len(SOURCES)


def test_the_corpus_of_the_paper_is_there_with_its_units():
    quantifications = ("expected_count", "fpkm", "tpm", "norm_count")
    corpus = ["tcga_pancan", *(f"{cohort}_{q}" for cohort in ("tcga", "gtex") for q in quantifications)]
    assert [SOURCES[key].offset for key in corpus] == [1.0, *[1.0, 0.001, 0.001, 1.0] * 2]
    assert all(SOURCES[key].units and SOURCES[key].ids for key in corpus)

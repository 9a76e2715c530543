from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest

from specformer import settings
from specformer.datasets import _gene_table, gene_table
from specformer.datasets._registry import SOURCES, Source, fetch

CONTENT = b"symbol\tensembl_gene_id\n" + b"".join(b"GENE%d\tENSG%011d\n" % (i, i) for i in range(2000))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `files`; a path under /cut/ breaks off half-way, one under /flaky/ does so the first time only."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"genes.tsv": CONTENT}
        self.requests = []

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}/{path}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        content = self.server.files.get(self.path.rsplit("/", 1)[-1])
        if content is None:
            self.send_error(404)
            return
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", "/" + self.path.rsplit("/", 1)[-1])
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        cut = self.path.startswith("/cut/") or (self.path.startswith("/flaky/") and len(self.server.requests) == 1)
        self.wfile.write(content[: len(content) // 2] if cut else content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path):
    before = settings.cachedir, settings.progress
    settings.cachedir, settings.progress = tmp_path / "cache", False
    yield tmp_path / "cache"
    settings.cachedir, settings.progress = before


def source(server, path="genes.tsv", sha256=SHA256):
    return Source(name="genes.tsv", url=server.url(path), licence="CC0", n_bytes=len(CONTENT), sha256=sha256)


def test_a_file_is_downloaded_once(server, cache):
    assert fetch(source(server)).read_bytes() == CONTENT
    assert fetch(source(server)) == cache / "genes.tsv"
    assert len(server.requests) == 1
    assert [file.name for file in cache.iterdir()] == ["genes.tsv"]


def test_size_and_licence_are_said_before(server, capsys):
    fetch(Source("genes.tsv", server.url("genes.tsv"), licence="CC0", n_bytes=17_000_000, sha256=SHA256))
    assert f"downloading genes.tsv (17 MB, licence: CC0) from {server.url('genes.tsv')}" in capsys.readouterr().err


def test_redirects_are_followed(server):
    assert fetch(source(server, "moved/genes.tsv")).read_bytes() == CONTENT


def test_a_broken_download_is_tried_again(server):
    assert fetch(source(server, "flaky/genes.tsv"), n_retries=1).read_bytes() == CONTENT
    assert len(server.requests) == 2


@pytest.mark.parametrize("sha256", [SHA256, None])
def test_a_truncated_file_is_not_kept(server, cache, sha256):
    with pytest.raises(
        OSError, match=r"Could not download http.*/cut/genes.tsv.*Check the connection, or put the file"
    ):
        fetch(source(server, "cut/genes.tsv", sha256), n_retries=0)
    assert not list(cache.iterdir())


def test_404_names_the_address(server, cache):
    with pytest.raises(OSError, match=r"Could not download http.*/nosuch\.tsv: 404"):
        fetch(source(server, "nosuch.tsv"), n_retries=0)
    assert not list(cache.iterdir())


def test_a_server_that_is_away_is_named(server):
    server.server_close()
    with pytest.raises(OSError, match="Could not download"):
        fetch(Source("genes.tsv", "http://127.0.0.1:9/genes.tsv", licence="CC0", sha256=SHA256), n_retries=0)


def test_a_wrong_hash_is_not_kept(server, cache):
    with pytest.raises(ValueError, match=f"another SHA-256 than the {'0' * 64} expected"):
        fetch(source(server, sha256="0" * 64), n_retries=0)
    assert not list(cache.iterdir())


def test_a_damaged_file_in_the_cache_is_replaced(server, cache):
    fetch(source(server)).write_bytes(b"damaged")
    assert fetch(source(server)).read_bytes() == CONTENT


def test_an_unknown_hash_is_recorded_and_enforced(server, cache):
    unknown = source(server, sha256=None)
    path = fetch(unknown)
    assert json.loads((cache / "known_hashes.json").read_text()) == {"genes.tsv": SHA256}
    assert fetch(unknown) == path
    assert len(server.requests) == 1

    path.unlink()
    server.files["genes.tsv"] = CONTENT + b"changed at its source"
    with pytest.raises(
        ValueError, match=rf"another SHA-256 than the {SHA256}.*delete its entry in .*known_hashes\.json"
    ):
        fetch(unknown, n_retries=0)
    assert not path.exists()


def test_records_of_several_files_stand_together(server, cache):
    server.files["other.tsv"] = b"other"
    fetch(source(server, sha256=None))
    fetch(Source("other.tsv", server.url("other.tsv"), licence="CC0"))
    assert set(json.loads((cache / "known_hashes.json").read_text())) == {"genes.tsv", "other.tsv"}


def test_every_source_is_pinned_to_a_date_and_a_hash():
    for known in SOURCES.values():
        assert known.url.startswith("https://")
        assert known.url.endswith(known.name)
        assert known.sha256 is None or len(bytes.fromhex(known.sha256)) == 32


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
    pd.testing.assert_frame_equal(gene_table(), expected)

from __future__ import annotations

import hashlib
import json
from collections import namedtuple

import pytest

from specformer import settings
from specformer.datasets import _download
from specformer.datasets._fetch import fetch
from specformer.datasets._registry import Source

# More than the pieces in which it is read, so that half of it is something.
CONTENT = b"symbol\tensembl_gene_id\n" + b"".join(b"GENE%d\tENSG%011d\n" % (i, i) for i in range(20_000))
MEGABYTES = f"{len(CONTENT) / 1e6:.1f} MB"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(server):
    server.files["genes.tsv"] = CONTENT
    return server


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    made = []
    monkeypatch.setattr("specformer.datasets._fetch.time.sleep", made.append)
    return made


def source(server, path="genes.tsv", sha256=SHA256):
    return Source(name="genes.tsv", url=server.url(path), licence="CC0", n_bytes=len(CONTENT), sha256=sha256)


def test_a_file_is_downloaded_once(server, cache):
    assert fetch(source(server)).read_bytes() == CONTENT
    assert fetch(source(server)) == cache / "genes.tsv"
    assert len(server.requests) == 1
    assert [file.name for file in cache.iterdir()] == ["genes.tsv"]


def test_size_and_licence_are_said_before(server, capsys):
    with pytest.raises(OSError, match="Could not download"):
        fetch(source(server, "cut/genes.tsv"), n_retries=0)
    expected = f"downloading genes.tsv ({MEGABYTES}, licence: CC0) from {server.url('cut/genes.tsv')}"
    assert expected in capsys.readouterr().err


def test_a_progress_bar_is_drawn_unless_it_is_not_wanted(server, cache, capsys):
    fetch(source(server))
    assert "100%" not in capsys.readouterr().err
    (cache / "genes.tsv").unlink()
    settings.progress = True
    try:
        fetch(source(server))
    finally:
        settings.progress = False
    assert "genes.tsv: 100%" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["moved", "slow", "plain"])
def test_redirects_slow_and_simple_servers(server, how):
    assert fetch(source(server, f"{how}/genes.tsv"), n_retries=0).read_bytes() == CONTENT


@pytest.mark.parametrize("how", ["flaky", "stalling"])
def test_a_broken_download_goes_on_where_it_was(server, monkeypatch, how, capsys):
    monkeypatch.setattr(_download, "TIMEOUT", (0.5, 0.5))
    assert fetch(source(server, f"{how}/genes.tsv"), n_retries=1).read_bytes() == CONTENT
    assert server.ranges[0] is None
    start = int(server.ranges[1].removeprefix("bytes=").rstrip("-"))
    assert 0.3 * len(CONTENT) < start <= len(CONTENT) // 2
    assert f"taking up the download of genes.tsv at {start / 1e6:.1f} MB ({MEGABYTES}" in capsys.readouterr().err


def test_a_later_call_goes_on_where_an_earlier_one_broke_off(server, cache):
    with pytest.raises(OSError, match="call again, which goes on where it broke off"):
        fetch(source(server, "cut/genes.tsv"), n_retries=0)
    assert not (cache / "genes.tsv").exists()
    assert fetch(source(server)).read_bytes() == CONTENT
    assert server.ranges[1] is not None
    assert [file.name for file in cache.iterdir()] == ["genes.tsv"]


def test_every_attempt_brings_it_further(server):
    assert len(CONTENT) >> 8 < _download._PIECE
    with pytest.raises(OSError, match="Could not download"):
        fetch(source(server, "cut/genes.tsv"), n_retries=2)
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) for asked in server.ranges[1:]]
    assert starts[0] < starts[1]


def test_halves_of_two_versions_are_not_put_together(server):
    with pytest.raises(OSError, match="Could not download"):
        fetch(source(server, "cut/genes.tsv"), n_retries=0)
    other = server.files["genes.tsv"] = CONTENT.replace(b"GENE", b"Gene")
    assert fetch(source(server, sha256=None), n_retries=0).read_bytes() == other


def test_a_complete_part_that_was_left_behind_is_no_hindrance(server, cache):
    cache.mkdir()
    (cache / "genes.tsv.partial").write_bytes(CONTENT)
    (cache / "genes.tsv.partial.version").write_text(f'"{SHA256}"')
    assert fetch(source(server), n_retries=0).read_bytes() == CONTENT


def test_without_a_version_it_starts_anew(server):
    with pytest.raises(OSError, match="Could not download"):
        fetch(source(server, "cut/genes.tsv"), n_retries=0)
    (settings.cachedir / "genes.tsv.partial.version").unlink()
    assert fetch(source(server)).read_bytes() == CONTENT
    assert server.ranges == [None, None]


@pytest.mark.parametrize("sha256", [SHA256, None])
def test_a_truncated_file_is_not_taken_for_the_file(server, cache, sha256):
    with pytest.raises(OSError, match=r"Could not download http.*/cut/genes.tsv.*Check the connection"):
        fetch(source(server, "cut/genes.tsv", sha256), n_retries=0)
    assert not (cache / "genes.tsv").exists()
    assert not (cache / "known_hashes.json").exists()


def test_404_names_the_address_and_is_not_tried_again(server, cache):
    with pytest.raises(
        OSError, match=r"Could not download http.*/nosuch\.tsv: 404.*or put the file at .*genes\.tsv by"
    ):
        fetch(source(server, "nosuch.tsv"), n_retries=3)
    assert len(server.requests) == 1
    assert not list(cache.iterdir())


def test_a_server_that_is_down_is_asked_again_after_a_pause(server, pauses):
    with pytest.raises(OSError, match="503"):
        fetch(source(server, "down/genes.tsv"), n_retries=2)
    assert len(server.requests) == 3
    assert pauses == [1, 2]


def test_a_server_that_is_away_is_named(server):
    with pytest.raises(OSError, match="Could not download"):
        fetch(Source("genes.tsv", "http://127.0.0.1:9/genes.tsv", licence="CC0", sha256=SHA256), n_retries=0)


def test_a_full_disk_is_seen_before(server, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(_download.shutil, "disk_usage", lambda _: usage(10, 10, 1000))
    with pytest.raises(OSError, match=r"has 0 MB left; 1 MB are needed.*sf\.settings\.cachedir"):
        fetch(source(server))


def test_a_wrong_hash_is_not_kept(server, cache):
    with pytest.raises(ValueError, match=f"another SHA-256 than the {'0' * 64} expected"):
        fetch(source(server, sha256="0" * 64))
    assert not list(cache.iterdir())
    assert len(server.requests) == 1


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


def test_a_mirror_is_asked_instead(server):
    settings.mirror = server.url("mirror/")
    elsewhere = Source("genes.tsv", "https://example.invalid/genes.tsv", licence="CC0", sha256=SHA256)
    assert fetch(elsewhere).read_bytes() == CONTENT
    assert server.paths == ["/mirror/genes.tsv"]

from __future__ import annotations

import hashlib
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

import specformer as sf
from specformer.model import SpecformerForSamples, _registry, load, save


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def released(tmp_path, tiny, genes, monkeypatch):
    """A checkpoint on a web server, known to the registry as 'tiny-1', and a fresh cache."""
    path = save(tmp_path / "made", SpecformerForSamples(tiny()), genes)
    (tmp_path / "web").mkdir()
    archive = shutil.make_archive(str(tmp_path / "web" / "tiny-1"), "zip", path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "web"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(archive, "rb") as file:  # noqa: PTH123
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    url = f"http://127.0.0.1:{server.server_port}/tiny-1.zip"
    monkeypatch.setitem(_registry.DOWNLOADS, "tiny-1", _registry.Download(url, sha256))
    monkeypatch.setattr(sf.settings, "cachedir", tmp_path / "cache")
    yield path
    server.shutdown()
    server.server_close()


def test_a_released_checkpoint_is_downloaded_once_and_listed(released, tmp_path):
    assert sf.models.available().loc["tiny-1", "source"] == "download"
    loaded = load("tiny-1")
    expected = load(released)
    assert loaded.sha256 == expected.sha256
    assert all(map(torch.equal, loaded.model.state_dict().values(), expected.model.state_dict().values()))
    (tmp_path / "web" / "tiny-1.zip").unlink()
    assert load("tiny-1").sha256 == expected.sha256
    row = sf.models.available().loc["tiny-1"]
    assert (row["source"], row["n_layers"], row["n_genes"], row["weighting"]) == ("cached", 2, 60, "median")


def test_an_archive_that_changed_is_not_used(released, tmp_path):
    (tmp_path / "web" / "tiny-1.zip").write_bytes(b"something else")
    with pytest.raises(ValueError, match="hash"):
        load("tiny-1")
    assert sf.models.available().loc["tiny-1", "source"] == "download"


def test_shipped_checkpoints_load_and_one_is_the_default():
    table = sf.models.available()
    shipped = table.index[table["source"] == "shipped"]
    for name in shipped:
        assert load(name).config.n_genes == table.loc[name, "n_genes"]
        assert table.loc[name, "megabytes"] <= 16
    if len(shipped):
        assert table.index[table["is_default"]].tolist() == ["specformer-mini"]
        assert load().path.name == "specformer-mini"

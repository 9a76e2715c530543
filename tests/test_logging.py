from __future__ import annotations

import io
import logging as of_python

import torch

import specformer as sf


def test_versions_of_all_that_counts():
    said = io.StringIO()
    sf.logging.print_versions(file=said)
    versions = dict(line.split(maxsplit=1) for line in said.getvalue().splitlines())
    assert versions["specformer"] == sf.__version__
    assert versions["torch"] == torch.__version__
    assert {"anndata", "scanpy", "transformers", "devices", "system"} <= set(versions)
    assert "streamlit" not in versions, "extras are not listed"
    assert "not installed" not in said.getvalue()


def test_the_room_does_not_hide_that_of_python():
    assert sf.logging.__name__ == "specformer.logging"
    assert not hasattr(sf.logging, "getLogger")
    assert of_python.getLogger("specformer").name == "specformer"

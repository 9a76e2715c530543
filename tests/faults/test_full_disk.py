"""A real file system of 400 kB; where mounting is not allowed, a limit of file size (see conftest.py)."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("what", ["checkpoint", "head", "h5ad", "ranks"])
def test_a_full_disk_is_an_error_that_says_so(faults, what):
    found = faults("full_disk")
    words = ("No space left", "os error 28") if found["is_mounted"] else ("File too large", "os error 27", "errno = 27")
    assert any(word in found["said"][what] for word in words), found["said"]


def test_what_was_there_is_as_it_was_and_nothing_half_written_stays(faults):
    found = faults("full_disk")
    assert found["checkpoint"] is True
    assert found["head"] == ["old"]
    assert found["h5ad"] == 10
    assert found["debris"] == []
    assert found["ranks"] == []


def test_a_download_to_a_full_disk_is_not_taken_for_whole(faults):
    found = faults("full_cache")
    assert "Could not download the checkpoint 'tiny-1'" in found["said"]
    assert found["source"] == "download"

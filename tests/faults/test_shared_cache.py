from __future__ import annotations


def test_two_processes_download_at_once(faults):
    found = faults("two_downloads")
    assert found["statuses"] == [0] * 6, found["log"]
    [directory, archive] = found["here"]
    assert archive == f"{directory}.zip"
    assert directory.startswith("tiny-1-")


def test_three_processes_fetch_one_public_file(faults):
    """With a hash that is known and with one that is not, where a mixture of two would be taken for the file."""
    found = faults("two_fetches")
    assert found["statuses"] == [0] * 6, found["log"]
    assert found["here"] == ["genes.tsv", "known_hashes.json"]


def test_a_fetch_that_was_killed_is_taken_up_again(faults):
    assert faults("two_fetches")["killed"] == 2


def test_a_cache_that_can_only_be_read_is_read(faults):
    found = faults("read_only_cache")
    assert found["cache"] == "read 60 genes"
    assert "PermissionError" in found["empty"] or "OSError" in found["empty"]
    assert "Could not download the checkpoint 'tiny-1'" in found["empty"]
    assert "sf.settings.cachedir" in found["empty"]
    assert "Permission denied" in found["empty"]

from __future__ import annotations


def test_too_little_memory_halves_the_batch_and_keeps_the_numbers(faults):
    """Address space is limited (RLIMIT_AS) to half of what the whole batch takes: torch's own allocation fails."""
    found = faults("memory")
    assert found["all_at_once"] > 2 * found["one_by_one"]
    assert "Memory ran out; going on with batch_size=20." in found["log"]
    assert found["difference"] < 1e-5

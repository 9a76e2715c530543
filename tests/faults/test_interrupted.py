from __future__ import annotations


def test_an_interrupted_embedding_leaves_no_key(faults):
    """Twelve times a real SIGINT, at random instants of a call."""
    outcomes = faults("interrupt")["outcomes"]
    assert set(outcomes) <= {"nothing", "finished", "X_specformer specformer"}
    assert outcomes.count("nothing") >= 4


def test_an_interrupt_between_two_keys_waits_for_both(faults):
    """A real SIGINT before every line of the function that writes, over an older embedding."""
    found = faults("interrupt")["at_every_line"]
    assert "half" not in {state for _, state in found}
    assert ["interrupted", "old"] in found
    assert ["interrupted", "new"] in found
    assert found[-1] == ["finished", "new"], "all lines were tried"

"""What genes added to the outputs of samples, as means over groups and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from specformer.model._attribution import SampleAttribution


class GroupMeans:
    """Means over the samples of each group, kept as sums."""

    def __init__(self) -> None:
        self.sums: dict[str, dict[str, Any]] = {}
        self.gaps: list[float] = []

    def add(self, name: str, found: SampleAttribution) -> None:
        """One more sample of a group."""
        n_genes, n_windows = len(found.anchor), len(found.gate)
        by_window = np.zeros((n_genes, max(n_windows, 1)))
        which = np.broadcast_to(np.arange(n_windows)[:, None], found.place.shape)
        np.add.at(by_window, (found.place, which), found.windows)
        part = {
            "n": 1, "anchor": found.anchor, "via_windows": by_window.sum(axis=1), "size": np.abs(by_window),
            "there": np.bincount(found.place.ravel() * max(n_windows, 1) + which.ravel(), minlength=by_window.size),
            "gate": found.gate, "output": found.output, "baseline": found.baseline,
        }  # fmt: skip
        total = self.sums.get(name)
        self.sums[name] = part if total is None else {key: total[key] + part[key] for key in part}
        difference = found.output - found.baseline
        missed = abs(found.anchor.sum() + found.windows.sum() - difference)
        self.gaps.append(missed / max(abs(difference), 1e-6))

    def gap(self) -> float:
        """The largest share of a sample's output that scores leave out."""
        return max(self.gaps)

    def mean(self, what: str) -> dict[str, float]:
        """The mean of each group's `"output"` or `"baseline"`."""
        return {name: total[what] / total["n"] for name, total in self.sums.items()}

    def table(self, kind: str, genes: np.ndarray) -> pd.DataFrame:
        """One row a group and gene, as `attribute` gives it; `kind` is what a group is called."""
        import pandas as pd

        parts = []
        for name, total in self.sums.items():
            n_windows = len(total["gate"])
            via_windows = total["via_windows"] / total["n"]
            # A gene that moved nothing stands where it stood most often.
            rank = total["size"] + 1e-12 * total["there"].reshape(total["size"].shape)
            window = rank.argmax(axis=1) if n_windows else np.full(len(genes), -1)
            gate = total["gate"][window] / total["n"] if n_windows else np.nan
            part = pd.DataFrame({
                kind: name, "gene": genes, "score": total["anchor"] / total["n"] + via_windows, "window": window,
                "via_windows": via_windows, "gate": gate,
            })  # fmt: skip
            parts.append(part.sort_values("score", ascending=False, kind="stable"))
        return pd.concat(parts, ignore_index=True)

"""What a run is made from, and whether a run that is there can be gone on with."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from specformer._checks import require_one_of
from specformer._logging import logger
from specformer.genes import N_SPECIAL
from specformer.model import SpecformerConfig
from specformer.train._checkpoints import newest_intact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from specformer.genes import GeneVocabulary
    from specformer.train._objective import Objective

RECIPE = "recipe.json"
_OF_THE_VERSION = ("transformers_version", "specformer_version")


def asked_config(
    config: str | Mapping[str, Any] | SpecformerConfig, of_objective: Mapping[str, Any] | None = None
) -> SpecformerConfig:
    """What a user may say, as a config; what the objective needs of one goes beneath it."""
    if isinstance(config, SpecformerConfig):
        return config
    overrides = {} if isinstance(config, str) else dict(config)
    name = config if isinstance(config, str) else overrides.pop("preset", "mini")
    return SpecformerConfig.preset(name, **{**(of_objective or {}), **overrides})


def fitted_config(config: SpecformerConfig, genes: GeneVocabulary) -> SpecformerConfig:
    """The config with the size, the weighting and the number of samples of a vocabulary."""
    fitted = {"vocab_size": len(genes) + N_SPECIAL, "weighting": genes.weighting, "n_reference_obs": genes.n_obs}
    return SpecformerConfig.from_dict(config.to_dict() | fitted)


def recipe_of(
    objective: Objective,
    options: Mapping[str, Any],
    *,
    config: SpecformerConfig,
    genes: GeneVocabulary,
    samples: np.ndarray,
    precision: str,
) -> dict[str, Any]:
    """What must be the same for a run to be resumed: model, genes and statistics, training samples, objective."""
    digest = sha256("\n".join(genes.ids).encode())
    digest.update(np.ascontiguousarray(genes.table.select_dtypes("number").to_numpy(np.float32)).tobytes())
    shape = {key: value for key, value in config.to_dict().items() if isinstance(value, int | float | str)}
    return {
        "config": {key: value for key, value in shape.items() if key not in _OF_THE_VERSION},
        "genes": digest.hexdigest(),
        "samples": sha256("\n".join(sorted(samples)).encode()).hexdigest(),
        "objective": f"{objective.name} {dict(options)}",
        "precision": precision,
    }


def where_to_resume(run: Path, resume: str | Path, recipe: dict[str, Any]) -> Path | None:
    """The checkpoint to go on from, None for a fresh start; ValueError where the folder holds another run."""
    if isinstance(resume, str):
        require_one_of("resume", resume, ("auto", "never"))
    checkpoint = Path(resume) if isinstance(resume, Path) else newest_intact(run)
    if checkpoint is None:
        return None
    if resume == "never":
        msg = f"{run} holds {checkpoint.name}; `resume='never'` does not write over a run. Choose another `output_dir`."
        raise ValueError(msg)
    if (run / RECIPE).is_file():
        before = json.loads((run / RECIPE).read_text(encoding="utf-8"))
        differing = [name for name in recipe if recipe[name] != before.get(name)]
        if differing:
            msg = (
                f"{run} holds a run with other {' and '.join(differing)}; it cannot be resumed with these. "
                "Choose another `output_dir`, or call `pretrain` as before."
            )
            raise ValueError(msg)
    logger.info("resuming from %s", checkpoint)
    return checkpoint

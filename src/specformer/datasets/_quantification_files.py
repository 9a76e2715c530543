"""Which files of a quantification tool there are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from specformer._checks import shown
from specformer._logging import logger
from specformer.datasets._quantification_tools import Tool, tool_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def quantification_files(paths: Path | str | Sequence[Path | str]) -> dict[Path, Tool]:
    """The files to read, each with its tool."""
    if isinstance(paths, str | Path) and Path(paths).is_dir():
        present = sorted(path for path in Path(paths).rglob("*") if path.is_file())
        tools = {path: tool for path in present if path.stat().st_size and (tool := tool_of(path)) is not None}
        endings = {path.suffix for path in tools}
        if empty := [path for path in present if not path.stat().st_size and path.suffix in endings]:
            msg = f"Empty: {shown(empty)}. Quantify these samples again, or take their files away."
            raise ValueError(msg)
        if not tools:
            msg = (
                f"Found no output of STAR, HTSeq, featureCounts, RSEM, Salmon, kallisto or the GDC among the "
                f"{len(present):,} files in {paths}: {shown([path.name for path in present]) or 'it is empty'}."
            )
            raise ValueError(msg)
        if left_out := len(present) - len(tools):
            logger.debug("left out %s files in %s that are no such output", f"{left_out:,}", paths)
        return tools
    asked = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    if missing := [path for path in asked if not path.is_file()]:
        msg = f"There is no file {shown(missing)}."
        raise FileNotFoundError(msg)
    found = {path: tool_of(path) for path in asked}
    if not asked or (unknown := [path for path, tool in found.items() if tool is None]):
        what = f"no known form of output: {shown(unknown)} (or empty)" if asked else "an empty list of files"
        msg = f"Found {what}. Expected gene counts of STAR, HTSeq, featureCounts, RSEM, Salmon, kallisto or the GDC."
        raise ValueError(msg)
    return {path: tool for path, tool in found.items() if tool is not None}


def one_tool(files: dict[Path, Tool]) -> Tool:
    kinds = Counter(tool.name for tool in files.values())
    if len(kinds) > 1:
        examples = {tool.name: path for path, tool in files.items()}
        found = "; ".join(f"{n:,} of {kind} ({examples[kind]})" for kind, n in kinds.items())
        msg = f"Found outputs of several tools: {found}. Pass the paths of one of them."
        raise ValueError(msg)
    return next(iter(files.values()))

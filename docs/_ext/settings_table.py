"""The table of settings, printed from the class in which they are declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings


def markdown(settings: type[BaseSettings]) -> str:
    """One row a setting."""
    prefix = settings.model_config["env_prefix"]
    lines = ["| setting | environment | default | what it does |", "|---|---|---|---|"]
    for name, field in settings.model_fields.items():
        default = "the system's folder for caches" if name == "cachedir" else f"`{field.default!r}`"
        what = " ".join((field.description or "").split())
        lines.append(f"| `{name}` | `{prefix}{name.upper()}` | {default} | {what} |")
    return "\n".join(lines)

"""The table of sub-commands: where each lives, what it does in one line, and which extra it needs.

A command is imported only when it is called, so that `custody verify` never loads gRPC and a verifier-only
installation still lists everything. A command appears here once its module exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command: `target` is the dotted path of a click command, `module:attribute`."""

    target: str
    summary: str
    extra: str | None = None
    """The extra of the distribution that the module needs; None when the base is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Several commands under one word."""

    summary: str
    commands: Mapping[str, Command] = field(default_factory=dict)


COMMANDS: Mapping[str, Command | Group] = {}

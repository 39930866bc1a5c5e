"""A click group that reads the table of commands and imports a command only when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

from custody.cli.commands import Command, Group


class LazyGroup(click.Group):
    """Lists its table without importing anything; resolves one entry to its click command on demand."""

    def __init__(self, name: str | None = None, *, table: Mapping[str, Command | Group], help: str) -> None:  # noqa: A002 - click's own word
        super().__init__(name, help=help)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table, which is the order in which a newcomer meets them."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, or None when there is none of that name.

        Raises:
            MissingExtraError: the command's libraries are not installed.

        """
        match self._table.get(cmd_name):
            case None:
                return None
            case Group(summary=summary, commands=commands):
                return LazyGroup(cmd_name, table=commands, help=summary)
            case Command() as command:
                return load(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table's summaries; importing them all would be slow and could fail."""
        rows = [(name, entry.summary) for name, entry in self._table.items()]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


class MissingExtraError(Exception):
    """A command's libraries are not installed in this environment."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"this command needs the library {library!r}, which is not installed")
        self.extra = extra


def load(command: Command) -> click.Command:
    """Import the click command that a table entry points to.

    Raises:
        MissingExtraError: a third-party library of the entry's extra is missing.

    """
    module_name, _, attribute = command.target.partition(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        # A missing module of ours is a broken installation or a bug and must not be explained away.
        if command.extra is None or library in {"", "custody"}:
            raise
        raise MissingExtraError(library, command.extra) from error
    loaded = getattr(module, attribute)
    if not isinstance(loaded, click.Command):
        raise TypeError(f"{command.target} is not a click command")
    return loaded

"""Where a passphrase comes from: a file, or a person at a terminal. Never the command line, never the environment."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from custody.private.file import PrivateFileError, read_private

Passphrase = Callable[[], bytes]
"""Gives the secret when it is needed."""


def from_file(path: Path) -> Passphrase:
    """The one line of a private file, without its newline."""

    def read() -> bytes:
        passphrase = read_private(path, what="the passphrase file").removesuffix(b"\n")
        if not passphrase or b"\n" in passphrase:
            raise PrivateFileError(f"the passphrase file {path} must hold one line", code="passphrase-malformed")
        return passphrase

    return read


def ask(of_what: str, *, confirm: bool) -> Passphrase:
    """Asks the person at the terminal. Raises PrivateFileError `passphrase-missing` where there is no terminal."""

    def prompt() -> bytes:
        if not sys.stdin.isatty():
            raise PrivateFileError(
                f"there is no terminal to ask for the passphrase of {of_what}; give a passphrase file",
                code="passphrase-missing",
            )
        answer: str = click.prompt(f"Passphrase of {of_what}", hide_input=True, confirmation_prompt=confirm, err=True)
        return answer.encode()

    return prompt


def choose(path: Path | None, of_what: str, *, confirm: bool = False) -> Passphrase:
    """From the file when one is given, else from the person."""
    return from_file(path) if path is not None else ask(of_what, confirm=confirm)

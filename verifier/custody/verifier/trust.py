"""What the caller trusts: keys and policies from the command line, and the checkpoint remembered from the last time."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from custody.core.errors import CustodyError, MalformedError
from custody.core.note import MAX_NOTE_BYTES, VerifierKey
from custody.core.policy import MAX_POLICY_BYTES, Policy, PolicyLog, parse_policy

F = TypeVar("F", bound=Callable[..., Any])
MAX_TOKEN_BYTES: Final = 500


class TrustError(CustodyError):
    """A key or a remembered checkpoint that was given cannot be used."""

    code = "trust-unusable"


def trust_option(*, required: bool = False) -> Callable[[F], F]:
    """The one option by which every command is told whom to believe; `load_trust` reads what it gives."""
    return click.option(
        "--trust",
        "--key",
        "trust",
        multiple=True,
        required=required,
        metavar="VKEY|FILE",
        help="Whom to believe: the log's key, a file with keys, or a C2SP tlog-policy with witnesses and quorum.",
    )


def load_trust(given: Sequence[str]) -> Policy:
    """What is trusted: vkeys, files with one vkey a line ('#' begins a comment line), and at most one C2SP tlog-policy.

    Keys are joined; without a policy file no witness is asked for. Nothing given: nothing is trusted, and the policy has
    no logs. Raises TrustError for what is none of these.
    """
    logs: dict[VerifierKey, PolicyLog] = {}
    policy = None
    for text in given:
        if _is_vkey(text):
            found = _keys([text], text)
        else:
            data = read_bounded(
                Path(text), MAX_POLICY_BYTES, unread="is neither a vkey nor a readable trust file",
                purpose=" for a trust file",
            )  # fmt: skip
            if _is_policy(data):
                if policy is not None:
                    raise TrustError(f"{text} is a second policy: which quorum counts would not be clear")
                policy = _policy(data, text)
                found = list(policy.logs)
            else:
                found = _keys(_lines(data, text), text)
        logs.update((one.vkey, one) for one in found)
    if policy is None:
        policy = Policy(logs=(), witnesses=(), groups=(), quorum=None)
    return replace(policy, logs=tuple(logs.values()))


def _is_vkey(text: str) -> bool:
    return text.count("+") >= 2 and not Path(text).exists()


def _is_policy(data: bytes) -> bool:
    words = (line.split(None, 1)[:1] for line in data.split(b"\n"))
    return any(word in ([b"log"], [b"witness"], [b"group"], [b"quorum"]) for word in words)


def read_bounded(path: Path, limit: int, *, unread: str = "cannot be read", purpose: str = "") -> bytes:
    """A file of at most `limit` bytes. Raises TrustError; `unread` and `purpose` are words of its messages."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise TrustError(f"{path} {unread}: {error.strerror}") from error
    if len(data) > limit:
        raise TrustError(f"{path} is much too long{purpose}")
    return data


def _policy(data: bytes, named: str) -> Policy:
    try:
        return parse_policy(data)
    except MalformedError as error:
        raise TrustError(f"{named}: {error}", code=error.code) from error


def _lines(data: bytes, named: str) -> list[str]:
    try:
        lines = [line.strip() for line in data.decode("ascii").splitlines()]
    except UnicodeDecodeError as error:
        raise TrustError(f"{named} is neither a vkey nor a file with vkeys") from error
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise TrustError(f"{named} has no vkeys")
    if keys[0].startswith("-----BEGIN "):
        raise TrustError(
            f"{named} is a PEM file (a certificate or a key of TLS): --trust takes the log's own key, name+id+key, which its"
            " operator publishes; other options take certificates"
        )
    return keys


def _keys(vkeys: Sequence[str], named: str) -> list[PolicyLog]:
    try:
        return list(Policy.of_keys(VerifierKey.parse(vkey) for vkey in vkeys).logs)
    except MalformedError as error:
        raise TrustError(f"{named}: {error}", code=error.code) from error


def read_checkpoint(path: Path) -> bytes:
    """The bytes of a checkpoint file. Raises TrustError when it cannot be read or is too long."""
    try:
        with path.open("rb") as file:
            note = file.read(MAX_NOTE_BYTES + 1)
    except OSError as error:
        raise TrustError(f"the remembered checkpoint cannot be read: {error}") from error
    if not note or len(note) > MAX_NOTE_BYTES:
        raise TrustError(f"{path} is no checkpoint")
    return note


def read_token(path: Path | None) -> str:
    """The bearer token in a file, one line; empty without a file. Raises TrustError."""
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            token = file.read(MAX_TOKEN_BYTES + 2).decode("ascii").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise TrustError(f"the token cannot be read: {error}") from error
    if not 1 <= len(token) <= MAX_TOKEN_BYTES or not token.isprintable() or " " in token:
        raise TrustError(f"{path} holds no token in one line")
    return token


def remember(path: Path, note: bytes) -> None:
    """Keeps a checkpoint for the next time. Raises OSError.

    The new file replaces the old one in one step after it is on disk; a crash leaves the old one or the new one.
    """
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

"""Where the ledger listens and where its storage is: strict little languages of the command line."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from custody.core.errors import CustodyError


class AddressError(CustodyError):
    """An address or storage URI that cannot be used."""

    code = "address-unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteAddress:
    """`sqlite:PATH`."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresAddress:
    """`postgresql://...`, a libpq connection URI; the password belongs into a passfile, not into argv."""

    dsn: str


def parse_store(text: str) -> SqliteAddress | PostgresAddress:
    """Reads a storage URI. Raises AddressError; also for a URI that carries a password, for argv is public."""
    scheme, colon, rest = text.partition(":")
    if scheme == "sqlite" and colon and rest:
        return SqliteAddress(path=Path(rest))
    if scheme in ("postgresql", "postgres") and rest.startswith("//"):
        if urlsplit(text).password is not None or "password=" in rest:
            raise AddressError(
                "a password in the URI is seen by everyone on this machine; use a passfile", code="secret-in-argv"
            )
        return PostgresAddress(dsn=text)
    # The text itself may hold a secret and is not repeated.
    raise AddressError("not a storage; use sqlite:PATH or postgresql://...", code="store-unknown")


def check_listen(address: str, *, insecure_loopback: bool, tls: bool = False) -> str:
    """Returns the gRPC address to listen on.

    `unix:PATH` is always allowed; `HOST:PORT` with TLS, or as plain text only with `insecure_loopback` and only for a
    loopback address. Raises AddressError.
    """
    if address.startswith("unix:"):
        if len(address.encode()) > 100:
            raise AddressError("the path of a Unix socket has at most about 100 bytes; choose a shorter folder")
        return address
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65_535:
        raise AddressError(f"not an address: {address!r}; use unix:PATH or HOST:PORT")
    if tls:
        return address
    if not insecure_loopback:
        raise AddressError(
            f"{address} would be plain text on the network; use --tls-cert, unix:PATH, or --insecure-loopback for tests",
            code="address-insecure",
        )
    try:
        loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise AddressError(
            f"--insecure-loopback takes only a loopback address such as 127.0.0.1, not {host}", code="address-insecure"
        )
    return address

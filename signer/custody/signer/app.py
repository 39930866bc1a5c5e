"""The signer as a program: its settings, its one clock, opening in the right order, listening, stopping.

    async with SignerApp(settings) as app:      # opened, compared with the floor, listening
        app.address                             # "unix:/run/custody/signer/socket"
        await app.run()                         # until SIGTERM or SIGINT

In tests the body of the `async with` is the test.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import grpc
import structlog

from custody.core.note import NoteSigner, SignatureType
from custody.core.vkey import check_key_name
from custody.private.passphrase import Passphrase
from custody.signer.errors import SignerError, SignerKeyError, SignerSocketError, SignerStateError
from custody.signer.floor import compare_floor
from custody.signer.keys import create_key, open_key
from custody.signer.rotation import check_name
from custody.signer.service import MAX_REQUEST_BYTES, SignerService
from custody.signer.signing import FORK, Signer
from custody.signer.state import HeldKey, Identity, StateFile, create_state, open_state, prepare_folder
from custody.signer.unix_socket import check_private, prepare

GRACE_S: Final = 2.0
"""How long calls in flight may take after the order to stop. A call is one fdatasync."""
MAX_CALLS: Final = 64
"""Calls at once. The ledger needs one."""

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_metadata_size", 8 * 1024),
    ("grpc.so_reuseport", 0),
)

_log = structlog.get_logger("custody.signer")


def now_us() -> int:
    """The signer's clock: microseconds UTC since 1970. It dates evidence; no decision depends on it."""
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a signer needs to start. `key_uris` replace places that the state remembers, for keys that were moved."""

    state: Path
    socket: Path
    passphrase: Passphrase
    key_uris: tuple[str, ...] = ()
    floors: tuple[bytes, ...] = ()
    """Signed checkpoints that others hold, exact bytes."""


def create_signer(
    *, origin: str, key_uri: str, state: Path, passphrase: Passphrase, ml_dsa: bool = False
) -> tuple[str, ...]:
    """Make a key, with `ml_dsa` a second one, and their empty state; return the vkeys. The only way to make a state.

    Crash between them: keys that never signed anything and have no state. They cannot be used; remove them and begin
    again. Raises SignerError: `signer-origin-malformed`, `signer-state-exists`; PrivateFileError, ...
    """
    try:
        check_key_name(origin)
    except ValueError as error:
        raise SignerError(str(error), code="signer-origin-malformed") from error
    kinds = {SignatureType.ED25519: key_uri}
    if ml_dsa:
        kinds[SignatureType.ML_DSA_44] = f"file:{state / 'key-ml-dsa.pem'}"
    for kind in kinds:
        check_name(origin, kind)
    prepare_folder(state)
    secret = passphrase() if ml_dsa else None  # asked for once, for both
    keys = []
    for kind, uri in kinds.items():
        made = create_key(uri, origin, kind, passphrase if secret is None else lambda: secret)
        keys.append(HeldKey(vkey=made.vkey.encode(), uri=uri))
    create_state(state, Identity(origin=origin, keys=tuple(keys)))
    return tuple(one.vkey for one in keys)


class SignerApp:
    """A signer that listens. One use: enter once, leave once."""

    def __init__(self, settings: Settings, *, clock_us: Callable[[], int] = now_us) -> None:
        self._settings = settings
        self._clock_us = clock_us
        self._stack = AsyncExitStack()
        self._signer: Signer | None = None

    @property
    def signer(self) -> Signer:
        """The signer, once entered."""
        if self._signer is None:
            raise RuntimeError("the signer is not open")
        return self._signer

    @property
    def address(self) -> str:
        """The gRPC target."""
        return f"unix:{self._settings.socket}"

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            store = stack.enter_context(open_state(self._settings.state))
            self._signer = self._open(store)
            server = await _listen(self._signer, self._settings.socket)
            stack.push_async_callback(server.stop, GRACE_S)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        # Calls in flight end first, then the state is closed and unlocked.
        await self._stack.aclose()

    async def run(self) -> None:
        """Return at SIGTERM or SIGINT."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        try:
            await stop.wait()
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _open(self, store: StateFile) -> Signer:
        identity = store.identity
        signer = Signer(
            origin=identity.origin,
            keys=self._keys(identity),
            former=[one.key for one in identity.keys if one.retired],
            store=store,
            clock_us=self._clock_us,
        )
        for note in self._settings.floors:
            _stand_on(signer, note)
        if signer.state(signer.origin).latched:
            _log.critical("latched", origin=signer.origin)
        return signer

    def _keys(self, identity: Identity) -> list[NoteSigner]:
        """All keys that sign, in the order of the state. Raises SignerKeyError `signer-key-mismatch`, PrivateFileError."""
        secret: list[bytes] = []

        def once() -> bytes:
            secret[:] = secret or [self._settings.passphrase()]
            return secret[0]

        moved = [open_key(uri, identity.origin, once) for uri in self._settings.key_uris]
        found = {key.vkey.encode(): key for key in moved}
        for one in identity.active:
            if one.vkey not in found:
                key = open_key(one.uri, identity.origin, once)
                found[key.vkey.encode()] = key
        wanted = [one.vkey for one in identity.active]
        if set(found) != set(wanted):
            raise SignerKeyError(
                f"the state belongs to the keys {', '.join(wanted)}; these keys are {', '.join(found)}",
                code="signer-key-mismatch",
            )
        return [found[vkey] for vkey in wanted]


def _stand_on(signer: Signer, note: bytes) -> None:
    """Refuse to start below a checkpoint that others hold; latch when these keys signed two roots of one size."""
    state = signer.state(signer.origin)
    evidence = compare_floor(state, note, signer.known)
    if evidence is None:
        return
    if not state.latched:
        signer.latch(evidence)
    raise SignerStateError(
        f"two roots of size {state.size} are signed: a key was used with another state; both checkpoints are kept",
        code=FORK,
    )


async def _listen(signer: Signer, path: Path) -> grpc.aio.Server:
    prepare(path)
    server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=MAX_CALLS)
    server.add_generic_rpc_handlers((SignerService(signer).handler(),))
    try:
        with _private_files():
            server.add_insecure_port(f"unix:{path}")
            await server.start()
    except RuntimeError as error:
        raise SignerSocketError(f"cannot listen on {path}: {error}") from error
    try:
        check_private(path)
    except SignerSocketError:
        await server.stop(None)
        raise
    return server


@contextmanager
def _private_files() -> Iterator[None]:
    """Files made inside, the socket among them, are for this user alone. The umask belongs to the whole process."""
    before = os.umask(0o177)
    try:
        yield
    finally:
        os.umask(before)

"""Calls to a ledger over gRPC: bytes in, bytes out, errors mapped, the leader followed.

Messages stay bytes here; the session reads them, so that a malformed answer is our error and not the transport's.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import grpc

from custody.client.errors import LedgerUnavailable, RefusedError
from custody.client.refusal import from_rpc
from custody.core.errors import CustodyError
from custody.core.limits import MAX_MESSAGE_BYTES

_SERVICE: Final = "/custody.v1.Ledger/"
_MAX_CHANNELS: Final = 16
"""A ledger can name leaders; it cannot make a client open connections without end."""

_OPTIONS: Final = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # Our own back-off decides when to try again; the channel must not sleep longer than that by itself.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # A dead connection under an idle `follow` is found by pings; servers strike peers that ping more than every 5 minutes.
    ("grpc.keepalive_time_ms", 310_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)

Renew = Callable[[], grpc.ChannelCredentials | None]
"""Gives other credentials when there are some; asked after a call that failed."""

Metadata = Sequence[tuple[str, str | bytes]]
Stream = grpc.aio.StreamStreamCall[bytes, bytes]


def tls(*, roots: bytes | None = None, certificate: bytes | None = None, key: bytes | None = None) -> Any:
    """Credentials for `connect`: trusted roots, and the client's certificate chain and private key, all PEM.

    Keys must be ECDSA P-256 or RSA: gRPC's TLS does not take Ed25519 certificates.
    """
    return grpc.ssl_channel_credentials(roots, key, certificate)


@dataclass(slots=True, kw_only=True)
class Wire:
    """Channels to the servers of one ledger; owned by one event loop.

    `targets` are `unix:/path` or `host:port`; the first that answers is kept until it fails or names a leader.
    """

    targets: Sequence[str]
    credentials: grpc.ChannelCredentials | None = None
    metadata: Metadata = ()
    options: Sequence[tuple[str, Any]] = ()
    renew: Renew | None = None
    _channels: dict[str, grpc.aio.Channel] = field(default_factory=dict)
    _unary: dict[tuple[str, str], Any] = field(default_factory=dict)
    _target: str = ""
    _retired: list[grpc.aio.Channel] = field(default_factory=list)
    """Channels of credentials that were replaced: their calls may go on to their end."""

    def __post_init__(self) -> None:
        if not self.targets:
            raise ValueError("a client needs at least one target")
        self._target = self.targets[0]

    @property
    def target(self) -> str:
        """Where the next call goes."""
        return self._target

    async def close(self) -> None:
        """Ends every call and connection."""
        channels = [*self._channels.values(), *self._retired]
        self._channels.clear()
        self._retired.clear()
        self._unary.clear()
        for channel in channels:
            await channel.close()

    async def call(self, method: str, request: bytes, timeout_s: float) -> bytes:
        """One unary call. Raises RefusedError or LedgerUnavailable, after turning to the next server where that helps."""
        target = self._target
        unary = self._unary.get((target, method))
        if unary is None:
            unary = self._unary[target, method] = self._channel(target).unary_unary(_SERVICE + method)
        try:
            answer: bytes = await unary(request, timeout=timeout_s, metadata=self.metadata)
        except grpc.aio.AioRpcError as error:
            raise self._turn(target, from_rpc(error)) from error
        except grpc.aio.UsageError as error:
            raise LedgerUnavailable(f"the client was closed during a call: {error}") from error
        return answer

    async def stream(self, method: str, request: bytes, patience_s: float | None) -> AsyncGenerator[bytes]:
        """Messages of a server stream, each within `patience_s`; None waits for ever.

        Raises as `call`; closing the iterator cancels the call.
        """
        target = self._target
        multi: Any = self._channel(target).unary_stream(_SERVICE + method)
        call = multi(request, metadata=self.metadata)
        try:
            while True:
                async with asyncio.timeout(patience_s):
                    message = await call.read()
                if message is grpc.aio.EOF:
                    return
                yield message
        except grpc.aio.AioRpcError as error:
            raise self._turn(target, from_rpc(error)) from error
        except TimeoutError as error:
            raise self._turn(target, LedgerUnavailable(f"no page within {patience_s:g} s")) from error
        finally:
            call.cancel()

    def duplex(self, method: str) -> tuple[Stream, str]:
        """An open bidirectional stream and its target; errors of its calls go through `failed`."""
        target = self._target
        multi: Any = self._channel(target).stream_stream(_SERVICE + method)
        return multi(metadata=self.metadata), target

    def failed(self, target: str, error: grpc.aio.AioRpcError) -> CustodyError:
        """The error of a stream from `duplex`, as ours."""
        return self._turn(target, from_rpc(error))

    def _channel(self, target: str) -> grpc.aio.Channel:
        channel = self._channels.get(target)
        if channel is None:
            options = (*_OPTIONS, *self.options)
            if self.credentials is None:
                channel = grpc.aio.insecure_channel(target, options=options)
            else:
                channel = grpc.aio.secure_channel(target, self.credentials, options=options)
            self._channels[target] = channel
        return channel

    def _turn(self, failed: str, error: CustodyError) -> CustodyError:
        """Chooses where the next call goes, and as whom; hands the error back."""
        self._renew_after(error)
        if failed != self._target:  # another call has turned already
            return error
        if isinstance(error, RefusedError) and error.status == "UNAVAILABLE" and error.leader:
            if error.leader in self._channels or len(self._channels) < _MAX_CHANNELS:
                self._target = error.leader
        elif isinstance(error, LedgerUnavailable) or (
            isinstance(error, RefusedError) and error.status == "UNAVAILABLE"
        ):
            targets = self.targets
            place = targets.index(failed) + 1 if failed in targets else 0
            self._target = targets[place % len(targets)]
        return error

    def _renew_after(self, error: CustodyError) -> None:
        """Takes up other credentials after a failure that those of before may explain."""
        refused = isinstance(error, RefusedError) and error.status != "UNAUTHENTICATED"
        if self.renew is None or refused or (credentials := self.renew()) is None:
            return
        self.credentials = credentials
        self._retired += self._channels.values()
        self._channels.clear()
        self._unary.clear()

"""What a signer tells of itself: asked over its socket, or read from the folder of a stopped one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc

from custody.core.errors import CustodyError
from custody.signer.decide import Evidence
from custody.signer.refusals import code_of
from custody.signer.state import open_state
from custody.v1 import signer_pb2, signer_pb2_grpc

TIMEOUT_S: Final = 5.0


class SignerUnreachableError(CustodyError):
    """No signer answered, or it refused."""

    code = "signer-unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The last signed checkpoint (empty note before the first) and whether the signer latched.

    `retired` keys and `evidence` are known only from the folder; a running signer does not hand them out.
    """

    origin: str
    vkeys: tuple[str, ...]
    size: int
    root: bytes
    checkpoint: bytes
    latched: bool
    retired: tuple[str, ...] = ()
    evidence: Evidence | None = None

    def as_json(self) -> dict[str, object]:
        """The report as JSON values; notes are text, the root is hex."""
        found: dict[str, object] = {
            "origin": self.origin,
            "vkeys": list(self.vkeys),
            "retired": list(self.retired),
            "size": self.size,
            "root": self.root.hex(),
            "checkpoint": self.checkpoint.decode(),
            "latched": self.latched,
        }
        if self.evidence is not None:
            found["evidence"] = {"held": self.evidence.held.decode(), "offered": self.evidence.offered.decode()}
        return found


def read(folder: Path) -> Report:
    """Read the state of a stopped signer. Raises SignerStateError, `signer-state-locked` while it runs."""
    with open_state(folder) as store:
        state = store.reload()
        signed = state.signed
        return Report(
            origin=state.origin,
            vkeys=tuple(one.vkey for one in store.identity.active),
            retired=tuple(one.vkey for one in store.identity.keys if one.retired),
            size=0 if signed is None else signed.checkpoint.size,
            root=b"" if signed is None else signed.checkpoint.root,
            checkpoint=b"" if signed is None else signed.note,
            latched=state.latched,
            evidence=state.evidence,
        )


async def ask(socket: Path, origin: str) -> Report:
    """Ask a running signer. Raises SignerUnreachableError, with the signer's own code when it refused."""
    async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        stub = signer_pb2_grpc.SignerStub(channel)
        try:
            answer = await stub.GetState(signer_pb2.GetStateRequest(origin=origin), timeout=TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise SignerUnreachableError(
                f"the signer at {socket} gave no state: {error.details()}", code=code_of(error)
            ) from error
    return Report(
        origin=origin,
        vkeys=tuple(answer.vkeys),
        size=answer.size,
        root=answer.root,
        checkpoint=answer.checkpoint,
        latched=answer.latched,
    )

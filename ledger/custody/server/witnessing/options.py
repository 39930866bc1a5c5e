"""What `custody serve` is told about witnesses: who cosigns its logs, and whose logs it cosigns."""

from contextlib import ExitStack
from pathlib import Path

from custody.core.errors import MalformedError
from custody.core.policy import MAX_POLICY_BYTES, parse_policy
from custody.private.passphrase import choose
from custody.server.witnessing.quorum import Mode, WitnessSettings, addresses
from custody.witness.commands import add_policy
from custody.witness.folder import open_witness
from custody.witness.witness import Witness


def read_settings(path: Path, mode: str, deadline_s: float, every_s: float) -> WitnessSettings:
    """Reads a policy file; its witnesses need URLs. Raises MalformedError `policy-malformed`."""
    with path.open("rb") as file:
        policy = parse_policy(file.read(MAX_POLICY_BYTES + 1))
    try:
        found = addresses(policy)
    except ValueError as error:
        raise MalformedError(f"{path}: {error}", code="policy-malformed") from error
    if not found:
        raise MalformedError(f"{path} names no witness", code="policy-malformed")
    return WitnessSettings(policy=policy, mode=Mode(mode), deadline_s=deadline_s, every_s=every_s)


def open_neighbours(stack: ExitStack, state: Path, passphrase: Path | None, policy: Path | None) -> Witness:
    """Opens the witness that this ledger hosts for the logs of `policy`; `stack` closes it."""
    witness = stack.enter_context(open_witness(state.absolute(), choose(passphrase, "the witness's keys")))
    if policy is not None:
        add_policy(witness.memory, policy)
    return witness

"""The keys of a log, replayed from its chain `log/keys`: what each key is for, whose it is, from when and until when.

Server and verifier share this replay, so that what was admitted is what is found right later. Rules: a key id means one
public key for ever, a second registration of the id with another key changes nothing; with the same key it replaces
scopes and validity; a revocation is never taken back. It revokes the public key under every id, those to come included,
unless its reason says that nobody else has the key: superseded or retired, an id alone ends.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from custody.core.errors import SignatureError
from custody.core.limits import MAX_TIME_US
from custody.core.roles import Scope
from custody.core.seal import SealKey
from custody.v1 import record_pb2

ADMISSION_US: Final = 120_000_000
"""How long a batch may wait between the door, where its key must count, and its stamp; no call of a ledger waits longer."""

_UNHARMED: Final = frozenset({record_pb2.REVOCATION_REASON_SUPERSEDED, record_pb2.REVOCATION_REASON_RETIRED})
"""Reasons to revoke that leave the key itself in its holder's hands alone."""
_NEVER: Final = MAX_TIME_US + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredKey:
    """One key as the log tells of it; times in microseconds UTC, half open."""

    key_id: str
    use: int
    algorithm: int
    public_key: bytes
    holder: str
    scope: Scope
    valid_from_us: int
    valid_until_us: int
    revoked_from_us: int = _NEVER

    def valid_at(self, at_us: int) -> bool:
        """Whether the key counts at this time."""
        return self.valid_from_us <= at_us < min(self.valid_until_us, self.revoked_from_us)

    def valid_for(self, first_us: int, last_us: int) -> bool:
        """Whether the key could admit every entry that is stamped at a time from `first_us` to `last_us`, both included."""
        return self.valid_from_us <= first_us and last_us - ADMISSION_US < min(
            self.valid_until_us, self.revoked_from_us
        )


class Keyring:
    """All keys of a log up to some entry; mutable, one owner."""

    def __init__(self) -> None:
        self._keys: dict[str, RegisteredKey] = {}
        self._by_public: dict[bytes, list[str]] = {}
        self._lost: dict[bytes, int] = {}
        """Public keys that others may have, each with the time from which on."""
        self._by_holder: dict[str, list[str]] = {}
        self._seal_keys: dict[str, SealKey] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def apply(self, kind: str, body: Any) -> None:
        """Takes the next record of the chain: its kind's name and its own message; other kinds change nothing."""
        if kind == "key_registered":
            self._register(body)
        elif kind == "key_revoked":
            self._revoke(body)

    def _revoke(self, body: record_pb2.KeyRevoked) -> None:
        held = self._keys.get(body.key_id)
        if held is None:
            return
        ended = [body.key_id]
        if body.reason not in _UNHARMED:
            self._lost[held.public_key] = min(body.from_us, self._lost.get(held.public_key, _NEVER))
            ended = self._by_public[held.public_key]
        for key_id in ended:
            key = self._keys[key_id]
            self._keys[key_id] = replace(key, revoked_from_us=min(key.revoked_from_us, body.from_us))

    def _register(self, body: record_pb2.KeyRegistered) -> None:
        held = self._keys.get(body.key_id)
        if held is not None and (held.public_key, held.use, held.holder) != (body.public_key, body.use, body.holder):
            return
        self._keys[body.key_id] = RegisteredKey(
            key_id=body.key_id,
            use=body.use,
            algorithm=body.algorithm,
            public_key=body.public_key,
            holder=body.holder,
            scope=Scope.of(body.scopes),
            valid_from_us=body.valid_from_us,
            valid_until_us=body.valid_until_us or _NEVER,
            revoked_from_us=self._lost.get(body.public_key, _NEVER) if held is None else held.revoked_from_us,
        )
        if held is None:
            self._by_public.setdefault(body.public_key, []).append(body.key_id)
            self._by_holder.setdefault(body.holder, []).append(body.key_id)

    def get(self, key_id: str) -> RegisteredKey | None:
        """The key of this id, valid or not."""
        return self._keys.get(key_id)

    def revoked_with(self, key_id: str) -> Sequence[str]:
        """Ids of the same public key that are revoked, as this one is, from the same time on or earlier; itself too."""
        key = self._keys.get(key_id)
        if key is None:
            return ()
        alike = self._by_public[key.public_key]
        return [one for one in alike if self._keys[one].revoked_from_us <= key.revoked_from_us]

    def identities(self, public_key: bytes, holder: str) -> Iterable[RegisteredKey]:
        """Registrations of a certificate's key (SubjectPublicKeyInfo) for its identity."""
        for key_id in self._by_public.get(public_key, ()):
            key = self._keys[key_id]
            if key.use == record_pb2.KEY_USE_IDENTITY and key.holder == holder:
                yield key

    def scope_of(self, holder: str, first_us: int, last_us: int) -> Scope | None:
        """What `holder` may speak for in entries stamped from `first_us` to `last_us`; None: no key of its counts there.

        An entry names who told it and not the certificate, so all its keys count together.
        """
        scope = None
        for key_id in self._by_holder.get(holder, ()):
            key = self._keys[key_id]
            if key.use == record_pb2.KEY_USE_IDENTITY and key.valid_for(first_us, last_us):
                scope = key.scope if scope is None else scope.joined(key.scope)
        return scope

    def seal_key_for(self, key_id: str, holder: str, stamp_us: int) -> SealKey:
        """As `seal_key`, for an entry that was stamped then: it was admitted up to `ADMISSION_US` before."""
        return self._seal_key(key_id, holder, valid=lambda key: key.valid_for(stamp_us, stamp_us))

    def seal_key(self, key_id: str, holder: str, at_us: int) -> SealKey:
        """The key under which `holder` seals at a time.

        Raises SignatureError 'seal-key-unknown' (not registered for seals, or another's), 'seal-key-invalid' (not valid at
        that time: not yet, not any more, or revoked), or MalformedError 'key-malformed'.
        """
        return self._seal_key(key_id, holder, valid=lambda key: key.valid_at(at_us))

    def _seal_key(self, key_id: str, holder: str, *, valid: Callable[[RegisteredKey], bool]) -> SealKey:
        key = self._keys.get(key_id)
        if key is None or key.use != record_pb2.KEY_USE_SEAL or key.holder != holder:
            raise SignatureError(
                f"no seal key {key_id!r} of {holder} is registered in the log", code="seal-key-unknown"
            )
        if not valid(key):
            raise SignatureError(f"the seal key {key_id!r} is not valid at that time", code="seal-key-invalid")
        known = self._seal_keys.get(key_id)
        if known is None:
            known = self._seal_keys[key_id] = SealKey.from_spki(key.algorithm, key.public_key)
        return known

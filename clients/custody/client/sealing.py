"""The device key of a source: one signature for each batch that it submits (docs/spec/seal.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from custody.core.entry import encode_seal
from custody.core.names import check_key_id
from custody.core.receipt import Submitted
from custody.core.seal import PrivateKey, sign_batch
from custody.private.file import PrivateFileError
from custody.private.key import read_key
from custody.private.passphrase import Passphrase


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingKey:
    """A key and the id under which the log knows it; the registration names this source as its holder."""

    key_id: str
    key: PrivateKey

    @classmethod
    def read(cls, key: Path, key_id: str, passphrase: Passphrase) -> "SealingKey":
        """From the file that `custody enrol --seal` wrote. Raises PrivateFileError, MalformedError ('key-id-malformed')."""
        return cls(key_id=check_key_id(key_id), key=read_key(key, passphrase))

    def deterministic(self) -> "SealingKey":
        """Itself, when it makes one and the same signature each time. Raises PrivateFileError 'seal-key-random' for ML-DSA."""
        if isinstance(self.key, MLDSA44PrivateKey):
            raise PrivateFileError(
                "an ML-DSA-44 key seals differently each time; use Ed25519 here", code="seal-key-random"
            )
        return self

    def seal(self, log: str, batch: Sequence[Submitted]) -> list[Submitted]:
        """The batch with one seal over all of it, on its last record. A batch that has a seal already is left alone."""
        if not batch or any(item.seal for item in batch):
            return list(batch)
        made = encode_seal(sign_batch(self.key, self.key_id, log, [item.record for item in batch]))
        last = batch[-1]
        return [*batch[:-1], Submitted(last.record, made, last.chains)]

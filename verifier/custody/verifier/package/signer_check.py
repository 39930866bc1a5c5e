"""Check 11: somebody who may export signed exactly this package.

Keys count when they are given, when the log has them registered for exporters and valid at the snapshot, or when their
certificate leads to a given authority (`certificate`). Every good signature is shown, whoever's; each must be good.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

from custody.core.errors import CustodyError, MalformedError, SignatureError
from custody.core.record import ReadRecord
from custody.core.seal import SealKey
from custody.v1 import record_pb2
from custody.verifier.package import layout
from custody.verifier.package.certificate import CertificateTrust, check_certificate, packed_lists, read_chain
from custody.verifier.package.container import Container
from custody.verifier.package.dsse import Envelope, key_id, parse_envelope, statement
from custody.verifier.package.exporter_key import read_public_key
from custody.verifier.package.manifest import PackageManifest
from custody.verifier.package.report import EXPORTER_REVOCATION, SIGNER, PackageReport

_MAX_PEM_BYTES = 4_096
MAX_CHAIN_BYTES = 65_536


class RegisteredExporters:
    """Exporters' keys in the log, by key id, with what later entries say about them."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[str, SealKey, int, int]] = {}

    def take(self, record: ReadRecord) -> None:
        """One entry; of any kind."""
        body = record.body
        if record.kind.name == "key_registered" and body.use == record_pb2.KEY_USE_EXPORTER:
            try:
                key = SealKey.from_spki(body.algorithm, body.public_key)
            except CustodyError:
                return  # a key that signs no package: none counts by it
            self._keys[body.key_id] = (key_id(key), key, body.valid_from_us, body.valid_until_us)
        elif record.kind.name == "key_revoked" and body.key_id in self._keys:
            keyid, key, begin, end = self._keys[body.key_id]
            self._keys[body.key_id] = (keyid, key, begin, min(end, body.from_us) if end else body.from_us)

    def valid_at(self, at_us: int) -> dict[str, SealKey]:
        """Keys that were valid at a moment."""
        return {
            keyid: key for keyid, key, begin, end in self._keys.values() if begin <= at_us and (not end or at_us < end)
        }


def check_signer(
    report: PackageReport,
    container: Container,
    manifest: PackageManifest,
    content: bytes,
    trusted: Iterable[SealKey],
    registered: Mapping[str, SealKey],
    certified: CertificateTrust,
) -> None:
    """The envelope signs these files, and one good signature is of a key that counts."""
    report.done.add(SIGNER)
    if layout.ENVELOPE not in container.places:
        report.find(SIGNER, "package-unsigned", "the package has no signature")
        return
    try:
        envelope = parse_envelope(container.read(layout.ENVELOPE))
        names = (layout.BAGIT, layout.BAG_INFO, layout.MANIFEST)
        files = {name: sha256(container.read(name)).digest() for name in names}
        predicate = {
            "log": manifest.log,
            "case_number": manifest.case_number,
            "recipient": manifest.recipient,
            "content_sha256": content.hex(),
        }
        if envelope.payload != statement(files, predicate):
            raise SignatureError("what was signed is not this package", code="package-signature")
        given = {key_id(key): key for key in trusted}
        good = _verify(container, envelope, given | dict(registered))
        subjects = _certify(report, container, good, certified, manifest.prepared_us)
    except CustodyError as error:
        report.caught(SIGNER, error)
        return
    counting = given.keys() or (registered.keys() | subjects.keys())
    whose = dict.fromkeys(registered, "registered in the log") | subjects | dict.fromkeys(given, "given key")
    report.signers = tuple(f"{keyid} ({whose[keyid]})" if keyid in whose else keyid for keyid in good)
    if not counting and not certified.authorities:
        report.unchecked[SIGNER] = "the signer's key stands only in the package: give it with --exporter-key"
    elif not any(keyid in counting for keyid in good):
        report.find(SIGNER, "package-signer", "nobody who may export signed the package")


def _certify(
    report: PackageReport,
    container: Container,
    good: Mapping[str, SealKey],
    trust: CertificateTrust,
    at_us: int,
) -> dict[str, str]:
    """Subjects of the certificates of those signers that have one under a given authority, by key id."""
    if not trust.authorities:
        return {}
    trust = replace(trust, lists=[*trust.lists, *packed_lists(container)])
    found: dict[str, str] = {}
    for keyid, key in good.items():
        name = f"signatures/{keyid}.chain.pem"
        if name not in container.places:
            continue
        try:
            told = check_certificate(
                key, read_chain(container.read(name, MAX_CHAIN_BYTES)), trust, datetime.fromtimestamp(at_us / 1e6, UTC)
            )
        except CustodyError as error:
            report.caught(SIGNER, error, path=name)
            continue
        found[keyid] = told.subject
        if not told.revocation_known:
            report.limits.add(EXPORTER_REVOCATION)
    return found


def _verify(container: Container, envelope: Envelope, known: Mapping[str, SealKey]) -> dict[str, SealKey]:
    good: dict[str, SealKey] = {}
    for keyid, signature in envelope.signatures:
        key = known.get(keyid)
        name = f"signatures/{keyid}.pem"
        if key is None and name in container.places:
            key = read_public_key(container.read(name, _MAX_PEM_BYTES))
        if keyid in good:
            raise MalformedError(f"{keyid[:16]} signed twice", code="envelope-malformed")
        if key is None:
            raise SignatureError(f"the key of a signature is not here: {keyid[:16]}", code="package-signature")
        envelope.verify(keyid, signature, key)
        good[keyid] = key
    return good

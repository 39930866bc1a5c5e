"""Check 11: somebody who may export signed exactly this package.

Keys count when they are given, when the log has them registered for exporters, or when their certificate leads to a given
authority (`certificate`). The last two must have been valid when the *ledger* recorded the export: what the manifest says
of times, its signer wrote. Every good signature is shown, whoever's; each must be good.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

from custody.core.errors import CustodyError, MalformedError, SignatureError
from custody.core.keyring import Keyring
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
    """Exporters' keys in the log, with what later entries say about them."""

    def __init__(self) -> None:
        self._keys = Keyring()
        self._ids: set[str] = set()

    def take(self, record: ReadRecord) -> None:
        """One entry; of any kind."""
        self._keys.apply(record.kind.name, record.body)
        if record.kind.name == "key_registered" and record.body.use == record_pb2.KEY_USE_EXPORTER:
            self._ids.add(record.body.key_id)

    def valid_at(self, at_us: int) -> dict[str, SealKey]:
        """Keys that were valid at a moment, by the name under which they sign packages."""
        return {keyid: key for keyid, key, valid in self._named(at_us) if valid}

    def ended(self, at_us: int) -> set[str]:
        """Names of keys that were not: not yet, not any more, or revoked."""
        return {keyid for keyid, _, valid in self._named(at_us) if not valid}

    def _named(self, at_us: int) -> Iterator[tuple[str, SealKey, bool]]:
        for one in map(self._keys.get, sorted(self._ids)):
            if one is None or one.use != record_pb2.KEY_USE_EXPORTER:
                continue
            try:
                key = SealKey.from_spki(one.algorithm, one.public_key)
            except CustodyError:
                continue  # a key that signs no package: none counts by it
            yield key_id(key), key, one.valid_at(at_us)


def check_signer(
    report: PackageReport,
    container: Container,
    manifest: PackageManifest,
    content: bytes,
    trusted: Iterable[SealKey],
    exporters: RegisteredExporters,
    certified: CertificateTrust,
    at_us: int,
) -> None:
    """The envelope signs these files, and one good signature is of a key that counted at `at_us`."""
    report.done.add(SIGNER)
    registered = exporters.valid_at(at_us)
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
        good = _verify(container, envelope, given | registered)
        subjects = _certify(report, container, good, certified, at_us)
    except CustodyError as error:
        report.caught(SIGNER, error)
        return
    counting = given.keys() or (registered.keys() | subjects.keys())
    whose = dict.fromkeys(registered, "registered in the log") | subjects | dict.fromkeys(given, "given key")
    report.signers = tuple(f"{keyid} ({whose[keyid]})" if keyid in whose else keyid for keyid in good)
    if not counting and not certified.authorities and not good.keys() & exporters.ended(at_us):
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

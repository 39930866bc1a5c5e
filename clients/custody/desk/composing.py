"""From a form to a record: what the command fixes, what the desk knows, and what has to be looked up first."""

from collections.abc import Iterator, Mapping
from typing import Any

from custody.client.sync import SyncLedgerClient
from custody.core.names import site_of
from custody.core.record import ReadRecord, encode_record, read_record
from custody.core.record_id import RANDOM_BYTES, make_record_id
from custody.desk.act import Act
from custody.desk.disclosures import PERSON_FIELDS, DisclosureStore, Draft
from custody.desk.environment import DeskEnvironment
from custody.desk.errors import DisclosureUnknown, FormError, RecordUnknown
from custody.desk.form import Form, fill
from custody.desk.scalar import read_id, read_moment
from custody.v1 import record_pb2


def compose(
    act: Act, form: Mapping[str, Any], draft: Draft, clock: record_pb2.ClockQuality, environment: DeskEnvironment
) -> ReadRecord:
    """The record that a form tells, read back strictly. Raises FormError, MalformedError."""
    now_us = environment.now_us()
    said = dict(form)
    at_us = now_us
    if "at" in said:
        at = said.pop("at")
        at_us = read_moment(at if isinstance(at, str) else "", "form.at")
    for key in act.hidden & said.keys():
        raise FormError(f"form: {key} is not said here; the command says it", code="form-key-unknown")
    if act.of_site and "site" not in said and "streams" not in said:
        said["site"] = draft.site
    if act.of_site and act.kind not in {"correction", "disclosure_access"}:
        said.setdefault("site", draft.site)
    record = record_pb2.Record(record_id=make_record_id(now_us, environment.random(RANDOM_BYTES)), at_us=at_us)
    if clock.ByteSize():
        record.clock.CopyFrom(clock)
    body = getattr(record, act.kind)
    body.SetInParent()
    fill(body, said | dict(act.fixed), draft, "form")
    return read_record(encode_record(record))


def site_of_form(form: Mapping[str, Any], default: str) -> str:
    """The site whose persons a form names: that of its cameras, else the one it says, else the desk's own."""
    for stream in _streams(form):
        return site_of(stream)
    site = form.get("site")
    return site if isinstance(site, str) and site else default


def _streams(form: Any) -> Iterator[str]:
    if isinstance(form, Mapping):
        for key, value in form.items():
            if key == "stream" and isinstance(value, str):
                yield value
            elif key == "streams" and isinstance(value, list):
                yield from (one for one in value if isinstance(one, str))
            else:
                yield from _streams(value)
    elif isinstance(form, list):
        for item in form:
            yield from _streams(item)


# ---- what has to be looked up


def look_up(act: Act, form: Form, store: DisclosureStore, client: SyncLedgerClient, site: str) -> Form:
    """Turns keys that the record does not have into those that it has. Raises FormError, RecordUnknown, DisclosureUnknown."""
    if act.kind == "correction":
        return _corrected(form, client)
    if act.kind == "disclosure_access":
        return _chosen(form, store, client, site)
    return form


def _corrected(form: Form, client: SyncLedgerClient) -> Form:
    if "corrects" not in form:
        return form
    said = dict(form)
    text = said.pop("corrects")
    found = _record(client, text, "form.corrects")
    for key in ("index", "leaf_sha256", "streams", "site"):
        if key in said:
            raise FormError(f"form: give corrects or {key}, not both")
    said["index"], said["leaf_sha256"] = found.index, found.leaf.hex()
    chains = read_record(found.entry.record).chains
    streams = sorted({chain.partition("/")[2] for chain in chains if chain.startswith(("custody/", "footage/"))})
    if streams:
        said["streams"] = streams
    else:
        said["site"] = chains[0].partition("/")[2]
    return said


def _chosen(form: Form, store: DisclosureStore, client: SyncLedgerClient, site: str) -> Form:
    said = dict(form)
    chosen: dict[bytes, None] = {}
    for number, text in enumerate(_list(said, "records")):
        found = _record(client, text, f"form.records[{number}]")
        commitments = list(commitments_of(read_record(found.entry.record).body))
        chosen |= dict.fromkeys(store.holds(commitments))
    for number, person in enumerate(_list(said, "persons")):
        if not isinstance(person, dict) or not person or not set(person) <= set(PERSON_FIELDS):
            raise FormError(f"form.persons[{number}]: not an object with name, work_id or document")
        chosen |= dict.fromkeys(store.person(site, person))
    if chosen:
        said["opened_commitments"] = [*said.get("opened_commitments", []), *(one.hex() for one in chosen)]
    elif not said.get("opened_commitments"):
        raise DisclosureUnknown("no disclosure is kept that the form asks for: it was erased, or never here")
    return said


def _list(said: Form, key: str) -> list[Any]:
    value = said.pop(key, [])
    if not isinstance(value, list):
        raise FormError(f"form.{key}: not a list")
    return value


def _record(client: SyncLedgerClient, text: Any, where: str) -> Any:
    record_id = read_id(text if isinstance(text, str) else "", where)
    found = client.read_record(record_id)
    if found is None:
        raise RecordUnknown(f"{where}: the ledger shows no entry with this record id")
    return found


def commitments_of(message: Any) -> Iterator[bytes]:
    """Every commitment to personal data in a record's body."""
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if field.is_repeated else [value]:
                yield from commitments_of(inner)
        elif field.name.endswith("_commitment"):
            yield value

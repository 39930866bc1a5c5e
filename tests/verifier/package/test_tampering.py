"""The tampering table: each row falsifies a good package in one way, and names the check that must catch it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from evidence import Evidence
from forgery import Bag, forged_log_key

from custody.cli.main import run
from custody.core.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from custody.core.disclosure import Disclosure
from custody.core.entry import decode_entry
from custody.core.record import read_record
from custody.verifier.package import layout
from custody.verifier.package.manifest import show_times

CAMERA = "site-12/cam-01"
FOOTAGE = f"data/footage/{CAMERA}/"
CUSTODY = f"custody/{CAMERA}"
CHAIN = f"footage/{CAMERA}"


def footage(bag: Bag, number: int = 0) -> str:
    return bag.names(FOOTAGE)[number]


def of_kind(rows: list[tuple[int, bytes]], kind: str) -> int:
    return next(at for at, (_, raw) in enumerate(rows) if read_record(decode_entry(raw).record).kind.name == kind)


def last_in(rows: list[tuple[int, bytes]], chain: str) -> int:
    return max(at for at, (_, raw) in enumerate(rows) if any(one.chain == chain for one in decode_entry(raw).links))


def drop_kind(kind: str) -> Callable[[list[tuple[int, bytes]]], None]:
    def change(rows: list[tuple[int, bytes]]) -> None:
        del rows[of_kind(rows, kind)]

    return change


def cut(chain: str) -> Callable[[Bag], None]:
    """Drops the last entry of a chain and says that it ended before."""

    def act(bag: Bag) -> None:
        def remove(rows: list[tuple[int, bytes]]) -> None:
            del rows[last_in(rows, chain)]

        bag.entries(remove)

        def shorten(value: Any) -> None:
            next(one for one in value["slices"] if one["chain"] == chain)["last"] -= 1

        bag.json(layout.SLICES, shorten)

    return act


def begin_late(value: dict[str, Any]) -> None:
    next(one for one in value["slices"] if one["chain"] == CUSTODY)["first"] = 2


def without_keys(bag: Bag) -> None:
    """Takes the registration of the exporter's key away, so that any signer would do."""
    bag.entries(drop_kind("key_registered"))
    bag.json(layout.SLICES, lambda v: v.update(slices=[s for s in v["slices"] if s["chain"] != "log/keys"]))


def slices(change: Callable[[dict[str, Any]], None]) -> Callable[[Bag], None]:
    return lambda bag: bag.json(layout.SLICES, change)


def manifest(change: Callable[[Any], None]) -> Callable[[Bag], None]:
    return lambda bag: bag.manifest(change)


def edit(name: str, old: str, new: str) -> Callable[[Bag], None]:
    def act(bag: Bag) -> None:
        text = bag.read(name).decode()
        assert old in text
        bag.write(name, text.replace(old, new).encode())

    return act


def flip(name: str, at: int = -1) -> Callable[[Bag], None]:
    return lambda bag: bag.flip(name, at)


def drop(name: str) -> Callable[[Bag], None]:
    return lambda bag: bag.drop(name)


def set_key(name: str, value: Any) -> Callable[[Any], None]:
    def change(found: Any) -> None:
        found[name] = value

    return change


def swap_footage(bag: Bag) -> None:
    one, two = footage(bag, 0), footage(bag, 1)
    first, second = bag.read(one), bag.read(two)
    bag.write(one, second)
    bag.write(two, first)


def alter_and_relist(bag: Bag) -> None:
    from hashlib import sha256

    bag.flip(footage(bag))
    told = sha256(bag.read(footage(bag))).hexdigest()
    bag.manifest(lambda value: value["files"][0].update(sha256=told))


def drop_segment(bag: Bag) -> None:
    bag.drop(footage(bag, 1))
    bag.manifest(lambda value: value["files"].pop(1))


def call_it_absent(bag: Bag) -> None:
    bag.drop(footage(bag, 1))

    def change(value: Any) -> None:
        row = value["files"].pop(1)
        kept = {name: row[name] for name in ("stream", "number", "index")}
        value["absent"] = [{**kept, "reason": "not-found"}]

    bag.manifest(change)


def shift_times(bag: Bag) -> None:
    def change(value: Any) -> None:
        for row in value["files"]:
            row["from_us"] += 3_600_000_000
            row["to_us"] += 3_600_000_000
            row["utc"], row["local"] = show_times(row["from_us"], value["zone"])

    bag.manifest(change)


def shorten_period(bag: Bag) -> None:
    bag.manifest(lambda value: value["streams"][0].update(to_us=value["streams"][0]["from_us"] + 1))


def swap_entries(rows: list[tuple[int, bytes]]) -> None:
    (one, first), (two, second) = rows[3], rows[4]
    rows[3:5] = [(one, second), (two, first)]


def alter_access(rows: list[tuple[int, bytes]]) -> None:
    at = of_kind(rows, "access")
    rows[at] = (rows[at][0], rows[at][1].replace(b"DEMO-2026-1", b"DEMO-2026-2"))


def renumber(rows: list[tuple[int, bytes]]) -> None:
    rows[-1] = (rows[-1][0] + 1, rows[-1][1])


def stray(rows: list[tuple[int, bytes]]) -> None:
    """An entry of another camera's chain, genuine in form."""
    index, raw = rows[of_kind(rows, "segment")]
    rows.append((rows[-1][0] + 1, raw.replace(b"cam-01", b"cam-77")))
    assert index


def garbage(rows: list[tuple[int, bytes]]) -> None:
    rows[2] = (rows[2][0], b"\xff" * 40)


def forge_checkpoint(bag: Bag, name: str = layout.CHECKPOINT, **changes: Any) -> None:
    found = parse_checkpoint(bag.read(name)).checkpoint
    told = Checkpoint(
        origin=changes.get("origin", found.origin),
        size=changes.get("size", found.size),
        root=changes.get("root", found.root),
    )
    key = forged_log_key(told.origin)
    bag.write(name, sign_checkpoint(told, [key]).note.encode())
    bag.write(layout.VKEYS, f"{key.vkey.encode()}\n".encode())


def other_text_same_signature(bag: Bag) -> None:
    note = bag.read(layout.CHECKPOINT).split(b"\n")
    note[1] = str(int(note[1]) + 1).encode()
    bag.write(layout.CHECKPOINT, b"\n".join(note))


def replay(bag: Bag) -> None:
    bag.write(layout.CHECKPOINT, bag.read(layout.EARLIER))


def short_proof(bag: Bag) -> None:
    bag.json(layout.INCLUSION, lambda value: value["proofs"][0]["hashes"].pop())


def heads_without(bag: Bag) -> None:
    data = bag.read(layout.HEADS)
    bag.write(layout.HEADS, data[2 + int.from_bytes(data[:2], "big") :])


def swap_proofs(bag: Bag) -> None:
    one, two = bag.names(layout.PROOFS)[:2]
    bag.write(one, bag.read(two))


def stray_disclosure(bag: Bag) -> None:
    made = Disclosure(salt=bytes(16), name="access.officers.name", value="Somebody Else")
    bag.write(f"{layout.DISCLOSURES}{made.commitment().hex()}", made.encode())


def alter_disclosure(bag: Bag) -> None:
    name = bag.names(layout.DISCLOSURES)[0]
    made = Disclosure(salt=bytes(16), name="access.officers.name", value="Somebody Else")
    bag.write(name, made.encode())


# name, what is done, the check that must catch it, what the forger does afterwards
ROWS: list[tuple[str, Callable[[Bag], None], int, str]] = [
    ("footage-byte", lambda bag: bag.flip(footage(bag)), 2, ""),
    ("footage-cut", lambda bag: bag.write(footage(bag), bag.read(footage(bag))[:-10]), 2, ""),
    ("footage-dropped", lambda bag: bag.drop(footage(bag)), 2, ""),
    ("payload-added", lambda bag: bag.write("data/note.txt", b"x"), 2, ""),
    ("report-edited", edit("data/reports/report.en.html", "Findings", "No findings"), 2, ""),
    ("bag-info-edited", edit("bag-info.txt", "TEST-2026-7", "TEST-2026-8"), 2, ""),
    ("no-bag-manifest", drop("manifest-sha256.txt"), 2, ""),
    ("no-tag-manifest", drop("tagmanifest-sha256.txt"), 2, ""),
    ("bag-version", edit("bagit.txt", "1.0", "0.97"), 2, "rehash"),
    ("format-version", edit("bag-info.txt", "custody.package/1", "custody.package/2"), 2, "rehash"),
    ("tag-file-added", lambda bag: bag.write("extra.txt", b"x"), 2, ""),
    ("report-put-beside", lambda bag: bag.write("signatures/CORRECTED-report.en.html", b"<h1>Findings: none</h1>"), 2, ""),
    ("footage-put-beside", lambda bag: bag.write(f"signatures/{FOOTAGE}seg_007.mp4", b"x"), 2, ""),
    ("token-put-beside", lambda bag: bag.write("timestamps/note.tsr", b"x"), 2, ""),
    ("bag-oxum", edit("bag-info.txt", "Payload-Oxum: ", "Payload-Oxum: 9"), 2, ""),
    ("footage-byte-rehashed", lambda bag: bag.flip(footage(bag)), 8, "rehash"),
    ("footage-byte-resigned", lambda bag: bag.flip(footage(bag)), 8, "sign"),
    ("footage-relisted", alter_and_relist, 8, "sign"),
    ("footage-swapped", swap_footage, 8, "sign"),
    ("segment-left-out", drop_segment, 8, "sign"),
    ("segment-called-absent", call_it_absent, 10, "sign"),
    ("footage-added", lambda bag: bag.write(f"{FOOTAGE}more.mp4", b"x"), 8, "sign"),
    ("times-shifted", shift_times, 8, "sign"),
    ("period-shortened", shorten_period, 8, "sign"),
    ("table-edited", edit("data/manifest.csv", ",h264,", ",h265,"), 8, "sign"),
    ("codec-edited", manifest(lambda value: value["files"][0].update(codec="h265")), 8, "sign"),
    ("media-root-edited", manifest(lambda value: value["files"][0].update(media_root="00" * 32)), 8, "sign"),
    ("case-edited", manifest(set_key("case_number", "OTHER-1")), 10, "sign"),
    ("recipient-edited", manifest(set_key("recipient", "Somebody")), 10, "sign"),
    ("report-edited-resigned", edit("data/reports/report.zh.html", "发现", "无发现"), 10, "sign"),
    ("findings-emptied", lambda bag: bag.write("data/reports/findings.json", b"[]\n"), 10, "sign"),
    ("form-edited", edit("data/forms/evidence-list.zh.html", "视频", "音频"), 10, "sign"),
    ("readme-edited", edit("data/README.en.txt", "forger", "friend"), 10, "sign"),
    ("system-edited", edit("data/system.json", "evidence-ledger", "other-ledger"), 10, "sign"),
    ("duplicate-key", edit("data/manifest.json", '{\n "absent"', '{\n "log": "x",\n "absent"'), 1, "rehash"),
    ("huge-number", edit("data/manifest.json", '"snapshot": ', '"snapshot": ' + "9" * 5_000), 1, "rehash"),
    ("path-upwards", edit("data/manifest.json", '"footage/', '"footage/../../'), 1, "rehash"),
    ("entry-altered", lambda bag: bag.entries(alter_access), 6, "sign"),
    ("entry-garbage", lambda bag: bag.entries(garbage), 5, "sign"),
    ("entries-cut", lambda bag: bag.write(layout.ENTRIES, bag.read(layout.ENTRIES)[:-3]), 5, "sign"),
    ("access-left-out", lambda bag: bag.entries(drop_kind("access")), 6, "sign"),
    ("export-left-out", cut(CUSTODY), 7, "sign"),
    ("site-chain-cut", cut("site/site-12"), 7, "sign"),
    ("keys-chain-gone", without_keys, 6, "sign"),
    ("footage-chain-cut", cut(CHAIN), 6, "sign"),
    ("entries-reordered", lambda bag: bag.entries(swap_entries), 6, "sign"),
    ("entry-renumbered", lambda bag: bag.entries(renumber), 6, "sign"),
    ("entry-put-in", lambda bag: bag.entries(stray), 6, "sign"),
    ("custody-slice-gone", slices(lambda v: v.update(slices=[s for s in v["slices"] if s["chain"] != CUSTODY])), 6, "sign"),
    ("custody-begins-late", slices(begin_late), 6, "sign"),
    ("snapshot-elsewhere", slices(lambda v: v.update(snapshot=v["snapshot"] - 1)), 7, "sign"),
    ("heads-altered", flip(layout.HEADS), 7, "sign"),
    ("heads-without-one", heads_without, 7, "sign"),
    ("heads-gone", drop(layout.HEADS), 7, "sign"),
    ("inclusion-short", short_proof, 6, "sign"),
    ("inclusion-gone", lambda bag: bag.json(layout.INCLUSION, lambda v: v["proofs"].pop()), 6, "sign"),
    ("inclusion-other-size", lambda bag: bag.json(layout.INCLUSION, lambda v: v.update(size=v["size"] + 1)), 6, "sign"),
    ("checkpoint-unsigned", lambda bag: bag.write(layout.CHECKPOINT, bag.read(layout.CHECKPOINT).split(b"\n\n")[0] + b"\n\n"), 3, "sign"),
    ("checkpoint-edited", other_text_same_signature, 3, "sign"),
    ("checkpoint-forged", forge_checkpoint, 3, "sign"),
    ("checkpoint-other-log", lambda bag: forge_checkpoint(bag, origin="other.example/log"), 3, "sign"),
    ("checkpoint-replayed", replay, 6, "sign"),
    ("earlier-forged", lambda bag: forge_checkpoint(bag, layout.EARLIER, root=bytes(32)), 4, "sign"),
    ("consistency-gone", drop(layout.CONSISTENCY), 4, "sign"),
    ("consistency-altered", lambda bag: bag.write(layout.CONSISTENCY, bag.read(layout.CONSISTENCY).split(b"\n")[0] + b"\n"), 4, "sign"),
    ("proof-file-gone", lambda bag: bag.drop(bag.names(layout.PROOFS)[0]), 9, "sign"),
    ("proof-files-swapped", swap_proofs, 9, "sign"),
    ("proof-file-cut", lambda bag: bag.write(bag.names(layout.PROOFS)[0], b"c2sp.org/tlog-proof@v1\n"), 9, "sign"),
    ("signature-stripped", drop(layout.ENVELOPE), 11, ""),
    ("signature-flipped", edit(layout.ENVELOPE, '"sig": "', '"sig": "AAAA'), 11, ""),
    ("signature-of-another", Bag.sign, 11, ""),
    ("signed-text-edited", edit(layout.ENVELOPE, '"payload": "ewog', '"payload": "ewogAAAA'), 11, ""),
    ("disclosure-altered", alter_disclosure, 12, "sign"),
    ("disclosure-put-in", stray_disclosure, 12, "sign"),
    ("disclosure-left-out", lambda bag: bag.drop(bag.names(layout.DISCLOSURES)[0]), 12, "sign"),
    ("disclosure-record-gone", lambda bag: bag.entries(drop_kind("disclosure_access")), 12, "sign"),
    ("withheld-row-gone", lambda bag: bag.json(layout.WITHHELD, lambda v: v["withheld"].pop()), 12, "sign"),
    ("token-garbage", lambda bag: bag.write("timestamps/manifest-1.tsr", b"0\x03\x02\x01\x00"), 13, ""),
    ("symbolic-link", lambda bag: (bag.folder / "data/link").symlink_to("/etc/hostname"), 1, ""),
    ("hidden-file", lambda bag: bag.write("data/.hidden", b"x"), 1, ""),
    ("name-in-two-cases", lambda bag: bag.write(footage(bag).replace("seg", "SEG"), b"x"), 1, ""),
    ("folder-in-two-cases", lambda bag: bag.write("data/Footage/x", b"x"), 1, ""),
    ("name-of-a-device", lambda bag: bag.write(f"{FOOTAGE}aux.mp4", b"x"), 1, ""),
    ("name-with-a-last-dot", lambda bag: bag.write("data/note.", b"x"), 1, ""),
    ("name-with-space", lambda bag: bag.write("data/a b", b"x"), 1, ""),
]  # fmt: skip


def verdict(capsys: pytest.CaptureFixture[str], path: Path, *more: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = run(["verify", "package", str(path), "--json", *more])
    return status, json.loads(capsys.readouterr().out or "{}")


def failing(report: dict[str, Any]) -> set[int]:
    return {one["number"] for one in report["checks"] if one["status"] == "findings"}


@pytest.mark.parametrize(("name", "act", "check", "after"), ROWS, ids=[row[0] for row in ROWS])
def test_every_falsification_is_caught(
    capsys: pytest.CaptureFixture[str],
    evidence: Evidence,
    bag: Bag,
    name: str,
    act: Callable[[Bag], None],
    check: int,
    after: str,
) -> None:
    act(bag)
    if after:
        bag.rehash()
    if after == "sign":
        bag.sign()
    status, report = verdict(capsys, bag.folder, "--key", evidence.vkey)
    assert status == 1
    assert report["verdict"] == "findings"
    assert check in failing(report), (failing(report), report["findings"])
    if after == "sign":  # the forger's own signature never counts
        assert next(one for one in report["checks"] if one["number"] == 11)["status"] != "fine"


def test_the_table_is_long_enough_and_touches_every_check() -> None:
    assert len(ROWS) >= 40
    assert {row[2] for row in ROWS} == set(range(1, 14))


def test_giving_disclosures_without_a_record_is_named(
    capsys: pytest.CaptureFixture[str], evidence: Evidence, bag: Bag
) -> None:
    bag.entries(drop_kind("disclosure_access"))
    _, report = verdict(capsys, bag.folder, "--key", evidence.vkey)
    assert (12, "disclosure-unrecorded") in {(one["check"], one["code"]) for one in report["findings"]}


def test_parts_of_two_genuine_packages_do_not_make_one(
    capsys: pytest.CaptureFixture[str], evidence: Evidence, bag: Bag, other: Path
) -> None:
    stranger = Bag(other)
    for name in bag.names("data/log/") + bag.names("data/proofs/"):
        bag.drop(name)
    for name in stranger.names("data/log/") + stranger.names("data/proofs/"):
        bag.write(name, stranger.read(name))
    bag.rehash()
    status, report = verdict(capsys, bag.folder, "--key", evidence.vkey)
    # The first export is in the later log part too, so the content is still true; the signature is not over this whole.
    assert status == 1
    assert 11 in failing(report)
    for name in bag.names("data/reports/") + bag.names("data/forms/"):
        bag.write(name, stranger.read(name))
    bag.rehash()
    status, report = verdict(capsys, bag.folder, "--key", evidence.vkey)
    assert status == 1
    assert {10, 11} <= failing(report)


def test_a_forger_with_his_own_log_is_no_better_than_not_checked(
    capsys: pytest.CaptureFixture[str], evidence: Evidence, bag: Bag
) -> None:
    status, report = verdict(capsys, bag.folder)
    assert (status, report["verdict"], report["trust"]) == (2, "not-checked", "package")
    assert 3 in report["not_checked"]
    forge_checkpoint(bag)
    bag.rehash()
    status, report = verdict(capsys, bag.folder)
    assert status == 1

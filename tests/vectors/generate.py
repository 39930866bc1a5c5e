"""Writes the vectors of the tree's and C2SP's forms from fixed keys: `python -m tests.vectors.generate [FOLDER]`.

A vector is (folder, name) -> file text; see README.md for the layout. Expected values come from the naive definitions in
this file or from the specifications' own examples, wherever that is possible.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path

from tests.vectors import specifications

from custody.core.add_checkpoint import AddCheckpoint
from custody.core.bundle import encode_bundle
from custody.core.checkpoint import Checkpoint, sign_checkpoint
from custody.core.cosignature import cosign
from custody.core.hashing import EMPTY_ROOT, leaf_hash
from custody.core.note import SignatureType, SignedNote, SignerKey, encode_signatures, sign_note
from custody.core.proof import consistency_plan, inclusion_plan
from custody.core.range_proof import range_plan
from custody.core.tile import entries_path, right_edge, tile_path
from custody.core.tlog_proof import TlogProof
from custody.core.tree import EMPTY_FRONTIER, extend

HERE = Path(__file__).parent
OTHER = b"\xee" * 32
Vectors = dict[tuple[str, str], bytes]
Headers = list[tuple[str, object]]

ED, CO, PQ = SignatureType.ED25519, SignatureType.COSIGNATURE_ED25519, SignatureType.ML_DSA_44
LOG = SignerKey.from_seed("log.example/site", ED, b"L" * 32)
OTHER_LOG = SignerKey.from_seed("log.example/other", ED, b"O" * 32)
NEW_LOG = SignerKey.from_seed("log.example/site", ED, b"N" * 32)
LOG_PQ = SignerKey.from_seed("log.example/site", PQ, b"P" * 32)
WITNESSES = {name: SignerKey.from_seed(f"{name}.example", CO, name.encode() * 32) for name in "ABC"}
WITNESS_PQ = SignerKey.from_seed("q.example", PQ, b"Q" * 32)

# From the specifications: signed-note ("Verifier keys"), tlog-checkpoint and tlog-cosignature (first examples).
SPEC_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1E"
    "RYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
SPEC_TEXT = b"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
SPEC_PROOF = tuple(sha256(b"%d" % number).digest() for number in range(4))

# The leaves that implementations of RFC 6962 have long used for their examples, and the roots of their trees.
CT_LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243")] + [
    bytes(range(0x50, 0x58)),
    bytes(range(0x60, 0x70)),
]
CT_ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def vector(expect: str, comment: str, headers: Headers, payload: bytes = b"") -> bytes:
    lines = [("expect", expect), ("comment", comment), *headers]
    return "".join(f"{key}: {value}\n" for key, value in lines).encode() + b"\n" + payload


def hex_lines(values: list[bytes] | tuple[bytes, ...]) -> bytes:
    return "".join(f"{value.hex()}\n" for value in values).encode()


def naive_root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def trees() -> Vectors:
    leaves = [leaf_hash(entry) for entry in CT_LEAVES]
    found: Vectors = {
        ("tree", f"rfc6962-{size}"): vector(
            "ok", f"RFC 6962 tree of {size}", [("size", size), ("root", root)], hex_lines(leaves[:size])
        )
        for size, root in CT_ROOTS.items()
    }
    found["tree", "empty"] = vector(
        "ok", "the root of no entries is SHA-256 of nothing", [("size", 0), ("root", EMPTY_ROOT.hex())]
    )
    for size in (255, 256, 257):
        many = [leaf_hash(b"%d" % number) for number in range(size)]
        found["tree", f"decimals-{size}"] = vector(
            "ok",
            "entries are decimal numbers from 0",
            [("size", size), ("root", naive_root(many).hex())],
            hex_lines(many),
        )
    return found


def proofs() -> Vectors:
    leaves = [leaf_hash(b"%d" % number) for number in range(13)]
    whole = extend(EMPTY_FRONTIER, leaves)
    found: Vectors = {}

    def inclusion(name: str, expect: str, index: int, size: int, proof: tuple[bytes, ...], **changed: bytes) -> None:
        leaf = changed.get("leaf", leaves[min(index, 12)])
        root = changed.get("root", naive_root(leaves[:size]))
        headers: Headers = [("index", index), ("size", size), ("leaf", leaf.hex()), ("root", root.hex())]
        found["inclusion", name] = vector(expect, "entries are decimal numbers from 0", headers, hex_lines(proof))

    def consistency(name: str, expect: str, old: int, new: int, proof: tuple[bytes, ...], **changed: bytes) -> None:
        roots = changed.get("old_root", naive_root(leaves[:old])), changed.get("new_root", naive_root(leaves[:new]))
        headers: Headers = [
            ("old-size", old),
            ("old-root", roots[0].hex()),
            ("new-size", new),
            ("new-root", roots[1].hex()),
        ]
        found["consistency", name] = vector(expect, "entries are decimal numbers from 0", headers, hex_lines(proof))

    for index, size in ((0, 1), (0, 8), (5, 8), (12, 13), (8, 13), (7, 13)):
        inclusion(f"{index}-of-{size}", "ok", index, size, inclusion_plan(index, size).assemble(whole.node))
    good = inclusion_plan(5, 13).assemble(whole.node)
    for name, index, size, proof, changed in (
        ("wrong-leaf", 5, 13, good, {"leaf": OTHER}),
        ("wrong-root", 5, 13, good, {"root": OTHER}),
        ("wrong-index", 4, 13, good, {}),
        ("index-beyond", 13, 13, good, {}),
        ("empty-tree", 0, 0, (), {}),
        ("too-short", 5, 13, good[:-1], {}),
        ("too-long", 5, 13, (*good, OTHER), {}),
        ("changed", 5, 13, (OTHER, *good[1:]), {}),
    ):
        inclusion(name, "inclusion-failed", index, size, proof, **changed)

    for old, new in ((0, 0), (0, 13), (13, 13), (1, 13), (8, 13), (6, 8), (7, 13), (12, 13)):
        consistency(f"{old}-to-{new}", "ok", old, new, consistency_plan(old, new).assemble(whole.node))
    good = consistency_plan(7, 13).assemble(whole.node)
    for name, old, new, proof, changed in (
        ("wrong-old-root", 7, 13, good, {"old_root": OTHER}),
        ("wrong-new-root", 7, 13, good, {"new_root": OTHER}),
        ("wrong-old-size", 6, 13, good, {}),
        ("shrinking", 13, 7, (), {}),
        ("equal-size-other-root", 7, 7, (), {"new_root": OTHER}),
        ("equal-size-with-hashes", 7, 7, (OTHER,), {}),
        ("from-empty-with-hashes", 0, 7, (OTHER,), {}),
        ("from-empty-with-wrong-root", 0, 7, (), {"old_root": OTHER}),
        ("too-short", 7, 13, good[:-1], {}),
        ("too-long", 7, 13, (*good, OTHER), {}),
        ("changed", 7, 13, (*good[:-1], OTHER), {}),
        ("none", 7, 13, (), {}),
    ):
        consistency(name, "consistency-failed", old, new, proof, **changed)
    return found


def ranges() -> Vectors:
    leaves = [leaf_hash(b"%d" % number) for number in range(13)]
    whole = extend(EMPTY_FRONTIER, leaves)
    found: Vectors = {}

    def add(
        name: str, expect: str, first: int, end: int, sides: tuple[tuple[bytes, ...], tuple[bytes, ...]], size: int = 13
    ) -> None:
        headers: Headers = [("first", first), ("size", size), ("root", naive_root(leaves[:size]).hex())]
        headers += [("left", value.hex()) for value in sides[0]] + [("right", value.hex()) for value in sides[1]]
        found["range", name] = vector(
            expect, "entries are decimal numbers from 0", headers, hex_lines(leaves[first:end])
        )

    def sides_of(first: int, end: int) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        proof = range_plan(first, end - first, 13).assemble(whole.node)
        return proof.left, proof.right

    for first, end in ((0, 13), (0, 1), (3, 7), (8, 13), (5, 12), (12, 13)):
        add(f"{first}-to-{end}", "ok", first, end, sides_of(first, end))
    left, right = sides_of(3, 7)
    for name, first, end, sides in (
        ("empty-run", 3, 3, (left, right)),
        ("moved", 4, 8, (left, right)),
        ("left-missing", 3, 7, (left[1:], right)),
        ("left-spare", 3, 7, ((*left, OTHER), right)),
        ("left-changed", 3, 7, ((OTHER, *left[1:]), right)),
        ("right-missing", 3, 7, (left, right[1:])),
        ("right-spare", 3, 7, (left, (*right, OTHER))),
        ("right-swapped", 3, 7, (left, right[::-1])),
    ):
        add(name, "inclusion-failed", first, end, sides)
    return found


def tiles() -> Vectors:
    found: Vectors = {}
    for name, level, index, width in (
        ("first", 0, 0, 256),
        ("example", 0, 1_234_067, 256),
        ("thousand", 0, 1000, 256),
        ("partial", 1, 1, 17),
        ("narrowest", 63, 999, 1),
        ("widest-partial", 2, 0, 255),
    ):
        path = tile_path(level, index, width).encode()
        found["tile", name] = vector("ok", "a hash tile", [("level", level), ("index", index), ("width", width)], path)
    for index, width in ((0, 256), (1_234_067, 9)):
        path = entries_path(index, width).encode()
        headers: Headers = [("level", "entries"), ("index", index), ("width", width)]
        found["tile", f"entries-{index}"] = vector("ok", "an entry bundle", headers, path)
    for name, path in (
        ("level-64", b"tile/64/000"),
        ("level-leading-zero", b"tile/00/000"),
        ("level-negative", b"tile/-1/000"),
        ("index-unpadded", b"tile/0/0"),
        ("index-needless-zeroes", b"tile/0/x000/001"),
        ("index-without-x", b"tile/0/001/234"),
        ("index-x-on-last", b"tile/0/x001/x234"),
        ("index-not-ascii", "tile/0/\u0660\u0660\u0661".encode()),
        ("index-too-large", b"tile/0/x036/x028/x797/x018/x963/968"),
        ("width-0", b"tile/0/000.p/0"),
        ("width-256", b"tile/0/000.p/256"),
        ("width-leading-zero", b"tile/0/000.p/01"),
        ("width-empty", b"tile/0/000.p/"),
        ("leading-slash", b"/tile/0/000"),
        ("trailing-slash", b"tile/0/000/"),
        ("trailing-newline", b"tile/0/000\n"),
        ("query", b"tile/0/000?x"),
        ("parent", b"tile/0/../0/000"),
    ):
        found["tile", name] = vector("tile-path-malformed", "no tile has this path", [], path)
    for size in (0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 70_000, 16_777_216):
        above = [(0, n.index, n.width) for n in right_edge(size) if n.level == 0]
        level = 1
        while hashes := size >> 8 * level:
            above += [(level, index, min(256, hashes - 256 * index)) for index in range((hashes + 255) // 256)]
            level += 1
        headers = [("size", size), *(("tile", "/".join(map(str, tile))) for tile in above)]
        found["tree-tiles", str(size)] = vector("ok", "all tiles but the full ones of level 0", headers)
    entries = [b"first", b"", b"third" * 9]
    headers = [("width", 3), *(("entry", entry.hex()) for entry in entries)]
    bundle = encode_bundle(entries)
    found["bundle", "three"] = vector("ok", "one entry is empty", headers, hex_lines([bundle]))
    for name, width, data in (
        ("truncated", 3, bundle[:-1]),
        ("length-alone", 1, b"\x00"),
        ("fewer-than-the-width", 4, bundle),
        ("more-than-the-width", 2, bundle),
        ("empty", 1, b""),
    ):
        found["bundle", name] = vector(
            "bundle-malformed", "not the entries that the width says", [("width", width)], hex_lines([data])
        )
    return found


def keys() -> Vectors:
    found: Vectors = {}
    for name, vkey, type_byte in (
        ("specification", SPEC_VKEY, "0x01"),
        ("ed25519", str(LOG.vkey), "0x01"),
        ("cosignature", str(WITNESSES["A"].vkey), "0x04"),
        ("ml-dsa-44", str(LOG_PQ.vkey), "0x06"),
    ):
        key_name, key_id, _ = vkey.split("+", 2)
        headers: Headers = [("name", key_name), ("type", type_byte), ("key-id", key_id)]
        found["vkey", name] = vector("ok", "a verifier key", headers, vkey.encode())
    name, key_id, material = SPEC_VKEY.split("+", 2)
    for case, text in (
        ("wrong-id", f"{name}+530d903b+{material}"),
        ("id-in-capitals", f"{name}+{key_id.upper()}+{material}"),
        ("id-short", f"{name}+{key_id[1:]}+{material}"),
        ("other-name", f"{name}x+{key_id}+{material}"),
        ("no-name", f"+{key_id}+{material}"),
        ("space-in-name", f"example.com foo+{key_id}+{material}"),
        ("no-key", f"{name}+{key_id}+"),
        ("short-key", f"{name}+{key_id}+AQ=="),
        ("newline", f"{SPEC_VKEY}\n"),
        ("two-parts", f"{name}+{key_id}"),
    ):
        found["vkey", case] = vector("vkey-malformed", "no verifier key", [], text.encode())
    found["vkey", "type-2"] = vector(
        "vkey-unsupported",
        "ECDSA keys are not supported",
        [],
        f"{name}+{key_id}+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".encode(),
    )
    return found


def notes() -> Vectors:
    good = sign_note("text \u00e8\n\nmore\n".encode(), [LOG]).encode()
    text, line = good.rsplit(b"\n\n", 1)
    text += b"\n"
    two = sign_note(text, [LOG, OTHER_LOG]).encode()
    wrong = encode_signatures(sign_note(b"other\n", [LOG]).signatures)
    found: Vectors = {}

    def add(name: str, expect: str, note: bytes, *vkeys: object, verified: int = 1) -> None:
        headers: Headers = [("vkey", vkey) for vkey in vkeys or (LOG.vkey,)]
        headers += [("verified", verified)] if expect == "ok" else []
        found["note", name] = vector(expect, "a signed note", headers, note)

    add("specification", "ok", SPEC_NOTE, SPEC_VKEY)
    add("text-with-empty-lines", "ok", good)
    add("unknown-key-ignored", "ok", two)
    add("two-known-keys", "ok", two, LOG.vkey, OTHER_LOG.vkey, verified=2)
    add("same-line-twice", "ok", good + line, verified=2)
    add("only-unknown-keys", "signature-missing", good, OTHER_LOG.vkey)
    add("wrong-signature", "signature-invalid", text + b"\n" + wrong)
    add("one-wrong-of-two", "signature-invalid", good + wrong)
    add("changed-text", "signature-invalid", good.replace(b"more", b"less"))
    for name, data in (
        ("no-signature", text + b"\n"),
        ("no-empty-line", b"text\n" + line),
        ("no-final-newline", good[:-1]),
        ("empty-line-at-the-end", good + b"\n"),
        ("line-behind-signatures", good + b"line\n"),
        ("hyphen-for-dash", good.replace("\u2014".encode(), b"-")),
        ("two-spaces", good.replace(b"site ", b"site  ")),
        ("name-with-plus", good.replace(b"/site ", b"+site ")),
        ("name-with-wide-space", good.replace(b"/site ", "\u3000site ".encode())),
        ("no-name", good.replace(b"log.example/site ", b" ")),
        ("id-alone", text + "\n\u2014 log.example/site AAAAAA==\n".encode()),
        ("base64-stray-bits", good[:-3] + chr(good[-3] + 1).encode() + b"=\n"),
        ("base64-unpadded", good.replace(b"=\n", b"\n")),
        ("base64-spaced", good[:-9] + b" " + good[-9:]),
        ("carriage-return", good.replace(b"more", b"more\r")),
        ("control-character", good.replace(b"more", b"mo\x01e")),
        ("not-utf-8", good.replace(b"more", b"mo\xffe")),
        ("empty", b""),
        ("flood", text + b"\n" + line * 101),
    ):
        add(name, "note-malformed", data)
    return found


def checkpoints() -> Vectors:
    head = Checkpoint(origin="log.example/site", size=70_000, root=sha256(b"root").digest())
    note = sign_checkpoint(head, [LOG]).note
    empty = Checkpoint(origin="log.example/site", size=0, root=EMPTY_ROOT)
    found: Vectors = {}

    def add(
        name: str, expect: str, data: bytes, saying: Checkpoint | None = None, keys: tuple[SignerKey, ...] = (LOG,)
    ) -> None:
        said: Headers = [("size", saying.size), ("root", saying.root.hex())] if saying else []
        vkeys: Headers = [("vkey", key.vkey) for key in keys]
        headers: Headers = [*vkeys, ("origin", "log.example/site"), *said]
        found["checkpoint", name] = vector(expect, "a signed checkpoint", headers, data)

    def signed(text: bytes) -> bytes:
        return sign_note(text, [LOG]).encode()

    add("ok", "ok", note.encode(), head)
    add("empty-tree", "ok", sign_checkpoint(empty, [LOG]).note.encode(), empty)
    largest = Checkpoint(origin="log.example/site", size=(1 << 63) - 1, root=head.root)
    rotated = sign_checkpoint(head, [LOG, NEW_LOG]).note.encode()
    add("rotation-old-key", "ok", rotated, head)
    add("rotation-new-key", "ok", rotated, head, (NEW_LOG,))
    add("rotation-one-of-two", "ok", note.encode(), head, (LOG, NEW_LOG))
    add("rotation-ended", "signature-missing", sign_checkpoint(head, [NEW_LOG]).note.encode())
    add("ml-dsa-44-missing", "signature-missing", note.encode(), keys=(LOG, LOG_PQ))
    add("largest", "ok", sign_checkpoint(largest, [LOG]).note.encode(), largest)
    add("other-origin", "checkpoint-origin", signed(note.text.replace(b"/site", b"/other")))
    add("other-key", "signature-missing", sign_checkpoint(head, [OTHER_LOG]).note.encode())
    add("changed-size", "signature-invalid", note.encode().replace(b"70000", b"70001"))
    add("extension", "checkpoint-extension", signed(note.text + b"extension\n"))
    root = note.text.split(b"\n")[2]
    for name, text in (
        ("two-lines", b"log.example/site\n70000\n"),
        ("empty-origin", b"\n70000\n" + root + b"\n"),
        ("size-leading-zero", note.text.replace(b"70000", b"070000")),
        ("size-plus", note.text.replace(b"70000", b"+70000")),
        ("size-underscore", note.text.replace(b"70000", b"70_000")),
        ("size-hexadecimal", note.text.replace(b"70000", b"0x70")),
        ("size-empty", note.text.replace(b"70000", b"")),
        ("size-too-large", note.text.replace(b"70000", b"9223372036854775808")),
        ("root-short", note.text.replace(root, b"QUJD")),
        ("root-unpadded", note.text.replace(root, root.rstrip(b"="))),
        ("root-stray-bits", note.text.replace(root, b"A" * 42 + b"B=")),
        ("root-trailing-space", note.text.replace(root, root + b" ")),
    ):
        add(name, "checkpoint-malformed", signed(text))
    return found


def cosignatures() -> Vectors:
    head = Checkpoint(origin="log.example/site", size=70_000, root=sha256(b"root").digest())
    note = sign_checkpoint(head, [LOG]).note
    one, two = (cosign(note.text, WITNESSES[name], timestamp_s=time) for name, time in (("A", 1_679_315_147), ("B", 0)))
    found: Vectors = {}

    def add(name: str, expect: str, data: bytes, *times: int) -> None:
        headers: Headers = [("vkey", WITNESSES["A"].vkey), ("vkey", WITNESSES["B"].vkey)]
        found["cosignature", name] = vector(
            expect, "a checkpoint with cosignatures", [*headers, *(("time", time) for time in times)], data
        )

    add("none", "ok", note.encode())
    add("one", "ok", note.with_signatures([one]).encode(), 1_679_315_147)
    add("two", "ok", note.with_signatures([one, two]).encode(), 1_679_315_147, 0)
    add("unknown", "ok", note.with_signatures([cosign(note.text, WITNESSES["C"], timestamp_s=1)]).encode())
    other = cosign(note.text.replace(b"70000", b"70001"), WITNESSES["A"], timestamp_s=1)
    add("of-another-tree", "signature-invalid", note.with_signatures([other]).encode())
    line = encode_signatures([one])
    for name, blob in (
        ("other-time", (5).to_bytes(8, "big") + one.signature[8:]),
        ("time-beyond-63-bits", b"\x80" + one.signature[1:]),
        ("without-time", one.signature[8:]),
    ):
        changed = SignedNote(text=note.text, signatures=(type(one)(name=one.name, key_id=one.key_id, signature=blob),))
        add(name, "signature-invalid", changed.encode())
    add("on-another-text", "checkpoint-malformed", b"no checkpoint\n\n" + line)
    return found


def policies() -> Vectors:
    log = f"log {LOG.vkey}"
    witness = {name: f"witness {name} {key.vkey}" for name, key in WITNESSES.items()}
    all_three = "\n".join(witness.values())
    found: Vectors = {}

    def add(name: str, expect: str, text: str, *cosigned: str) -> None:
        found["policy", name] = vector(expect, "a trust policy", [("cosigned", one) for one in cosigned], text.encode())

    nested = f"{log} https://log.example/\n{all_three}\ngroup pair any A B\ngroup top all pair C\nquorum top\n"
    add("no-quorum", "ok", f"{log}\nquorum none\n")
    add("one-witness", "ok", f"{witness['A']}\nquorum A\n", "A")
    add("two-of-three", "ok", f"{log}\n{all_three}\ngroup g 2 A B C\nquorum g\n", "A", "C")
    add("one-of-three", "quorum-missing", f"{log}\n{all_three}\ngroup g 2 A B C\nquorum g\n", "C")
    add("nested", "ok", nested, "B", "C")
    add("nested-missing", "quorum-missing", nested, "A", "B")
    add("white-space-and-comments", "ok", f"# c\n\n \t{witness['A']}\t\n\t quorum \t A\n", "A")
    for name, text in (
        ("empty", ""),
        ("no-final-newline", "quorum none"),
        ("two-quorums", "quorum none\nquorum none\n"),
        ("undefined-quorum", "quorum A\n"),
        ("quorum-before-definition", f"quorum A\n{witness['A']}\n"),
        ("witness-named-none", f"{witness['A']}\n{witness['B'].replace('witness B', 'witness none')}\nquorum A\n"),
        ("name-twice", f"{witness['A']}\n{witness['B'].replace('witness B', 'witness A')}\nquorum A\n"),
        ("key-twice", f"{witness['A']}\n{witness['A'].replace('witness A', 'witness B')}\nquorum A\n"),
        ("log-key-for-witness", f"witness A {LOG.vkey}\nquorum A\n"),
        ("witness-key-for-log", f"log {WITNESSES['A'].vkey}\nquorum none\n"),
        ("member-of-two-groups", f"{all_three}\ngroup g any A B\ngroup h any A\nquorum g\n"),
        ("threshold-0", f"{all_three}\ngroup g 0 A B\nquorum g\n"),
        ("threshold-above-members", f"{all_three}\ngroup g 3 A B\nquorum g\n"),
        ("group-of-none", f"{all_three}\ngroup g any none\nquorum g\n"),
        ("carriage-return", "quorum none\r\n"),
    ):
        add(name, "policy-malformed", text)
    return found


def proof_files() -> Vectors:
    leaves = [leaf_hash(b"%d" % number) for number in range(13)]
    whole = extend(EMPTY_FRONTIER, leaves)
    note = sign_checkpoint(Checkpoint(origin="log.example/site", size=13, root=naive_root(leaves)), [LOG]).note
    cosigned = note.with_signatures([cosign(note.text, WITNESSES["A"], timestamp_s=9)]).encode()
    policy = (f"log {LOG.vkey}", f"witness A {WITNESSES['A'].vkey}", "quorum A")
    hashes = inclusion_plan(5, 13).assemble(whole.node)
    good = TlogProof(index=5, hashes=hashes, checkpoint=cosigned).encode()
    found: Vectors = {}

    def add(name: str, expect: str, data: bytes, leaf: bytes = leaves[5]) -> None:
        headers: Headers = [("leaf", leaf.hex()), *(("policy", line) for line in policy)]
        found["tlog-proof", name] = vector(expect, "an offline proof", headers, data)

    add("ok", "ok", good)
    add("extra", "ok", TlogProof(index=5, hashes=hashes, checkpoint=cosigned, extra=b"any data").encode())
    add("wrong-leaf", "inclusion-failed", good, OTHER)
    add("wrong-index", "inclusion-failed", good.replace(b"index 5", b"index 4"))
    add("without-quorum", "quorum-missing", TlogProof(index=5, hashes=hashes, checkpoint=note.encode()).encode())
    add("changed-checkpoint", "signature-invalid", good.replace(b"\n13\n", b"\n14\n"))
    add("no-checkpoint", "note-malformed", good.split(b"\n\n", maxsplit=1)[0] + b"\n\n")
    for name, data in (
        ("other-version", good.replace(b"@v1", b"@v2")),
        ("no-index", good.replace(b"index 5\n", b"")),
        ("index-leading-zero", good.replace(b"index 5", b"index 05")),
        ("empty-extra", good.replace(b"index", b"extra \nindex")),
        ("extra-behind-index", good.replace(b"index 5\n", b"index 5\nextra QUJD\n")),
        ("short-hash", good.replace(b"index 5\n", b"index 5\nQUJD\n")),
    ):
        add(name, "tlog-proof-malformed", data)

    proof = consistency_plan(7, 13).assemble(whole.node)

    def request(name: str, expect: str, data: bytes, *headers: tuple[str, object]) -> None:
        found["add-checkpoint", name] = vector(expect, "a witness request", [*headers], data)

    grown = AddCheckpoint(old_size=7, proof=proof, checkpoint=note.encode()).encode()
    request("growth", "ok", grown, ("old-size", 7), *(("proof", value.hex()) for value in proof))
    request("first", "ok", AddCheckpoint(old_size=0, proof=(), checkpoint=note.encode()).encode(), ("old-size", 0))
    for name, data in (
        ("no-old-line", grown.replace(b"old 7\n", b"")),
        ("old-leading-zero", grown.replace(b"old 7", b"old 07")),
        ("old-negative", grown.replace(b"old 7", b"old -7")),
        ("short-hash", grown.replace(b"old 7\n", b"old 7\nQUJD\n")),
        ("64-hashes", b"old 7\n" + (b"A" * 43 + b"=\n") * 64 + b"\n" + note.encode()),
    ):
        request(name, "add-checkpoint-malformed", data)
    return found


def vectors() -> Vectors:
    """Every vector that can be regenerated."""
    found: Vectors = {}
    for part in (trees, proofs, ranges, tiles, keys, notes, checkpoints, cosignatures, policies, proof_files):
        found |= part()
    witnesses = [str(SignerKey.from_seed(f"w{at}.example", CO, b"%032d" % at).vkey) for at in range(32)]
    return found | specifications.vectors(str(LOG.vkey), witnesses)


def kept() -> Vectors:
    """Vectors with randomized signatures: written when missing, never replaced."""
    head = Checkpoint(origin="log.example/site", size=70_000, root=sha256(b"root").digest())
    data = sign_checkpoint(head, [LOG, LOG_PQ], timestamp_s=0).note
    both: Headers = [("vkey", LOG_PQ.vkey), ("origin", "log.example/site"), ("size", 70_000), ("root", head.root.hex())]
    cosigned = data.with_signatures([cosign(data.text, WITNESS_PQ, timestamp_s=1_679_315_147)])
    lines = data.encode()
    either: Headers = [("vkey", LOG.vkey), *both]
    alone: Headers = [("vkey", LOG.vkey), *both[1:]]
    wrong = lines[:-5] + (b"A" if lines[-5:-4] != b"A" else b"B") + lines[-4:]
    return {
        ("checkpoint", "kept-ml-dsa-44-both"): vector("ok", "both of a log's keys are demanded", either, lines),
        ("checkpoint", "kept-ml-dsa-44-ignored"): vector("ok", "whoever knows Ed25519 alone ignores it", alone, lines),
        ("checkpoint", "kept-ml-dsa-44-wrong"): vector("signature-invalid", "the second line is wrong", either, wrong),
        ("checkpoint", "kept-ml-dsa-44"): vector("ok", "a log's second signature line", both, data.encode()),
        ("cosignature", "kept-ml-dsa-44"): vector(
            "ok", "an ML-DSA-44 cosignature", [("vkey", WITNESS_PQ.vkey), ("time", 1_679_315_147)], cosigned.encode()
        ),
    }


def write(folder: Path) -> None:
    """Write all vectors below `folder`."""
    for (kind, name), content in vectors().items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        (folder / kind / f"{name}.txt").write_bytes(content)
    for (kind, name), content in kept().items():
        if not (folder / kind / f"{name}.txt").exists():
            (folder / kind / f"{name}.txt").write_bytes(content)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)

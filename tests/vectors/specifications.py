"""Vectors taken from the texts of the specifications, and trees around powers of 256 made by their definitions alone.

Nothing here calls the product: examples are copied, roots and proofs follow the recursive definitions of RFC 6962
(sections 2.1, 2.1.1 and 2.1.2) over entries that are all alike, so that a tree of any size is made in an instant.
Where an example cannot verify because its key was never given, the vector says what a reader must answer.
"""

from __future__ import annotations

import base64
from functools import cache
from hashlib import sha256
from itertools import pairwise

Vectors = dict[tuple[str, str], bytes]

DASH = "\u2014"
SIZES = (255, 256, 257, 65_535, 65_536, 65_537, 70_000, 16_777_215, 16_777_216, 16_777_217)
LEAF = sha256(b"\x00" + b"the same entry").digest()

# golang.org/x/mod/sumdb/note, the implementation that signed-note describes: its documentation and its tests.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    f"{DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# signed-note, its first example; the key is not given.
POEM = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned \u00e8 subito sera.\n\n"
    f"{DASH} quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihA"
    "QwaqP3ZekRwNtIc=\n"
)
# tlog-checkpoint and tlog-cosignature, their first examples; tlog-witness, the example of a request.
CHECKPOINT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
SIGNED = (
    f"{CHECKPOINT}\n{DASH} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGz"
    "Gku9nTo+zyWE+xeMcTOAYQ8=\n"
)
COSIGNED = (
    f"{SIGNED}{DASH} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5"
    "nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
OFFERED = (
    "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=",
    "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=",
    "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=",
    "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=",
)
SECOND_LINE = (
    f"{DASH} example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovn"
    "zv++qbSzm9Q=\n"
)
# tlog-proof, its example: the signatures are elided there.
PROOF = f"""c2sp.org/tlog-proof@v1
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=
RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=
AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=

example.com/fancylog
109482
sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

{DASH} example.com/fancylog hI2DJw[...]1roloI=
"""


def vector(expect: str, comment: str, headers: list[tuple[str, object]], payload: str = "") -> bytes:
    lines = [("expect", expect), ("comment", comment), *headers]
    return ("".join(f"{key}: {value}\n" for key, value in lines) + "\n" + payload).encode()


def hex_lines(values: list[bytes]) -> str:
    return "".join(f"{value.hex()}\n" for value in values)


def split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


@cache
def root(size: int) -> bytes:
    """MTH, section 2.1."""
    if size == 1:
        return LEAF
    return sha256(b"\x01" + root(split(size)) + root(size - split(size))).digest()


def path(index: int, size: int) -> list[bytes]:
    """PATH, section 2.1.1."""
    if size == 1:
        return []
    half = split(size)
    if index < half:
        return [*path(index, half), root(size - half)]
    return [*path(index - half, size - half), root(half)]


def proof(old: int, size: int, *, whole: bool = True) -> list[bytes]:
    """PROOF (as SUBPROOF with `whole`), section 2.1.2."""
    if old == size:
        return [] if whole else [root(size)]
    half = split(size)
    if old <= half:
        return [*proof(old, half, whole=whole), root(size - half)]
    return [*proof(old - half, size - half, whole=False), root(half)]


def inclusion(index: int, size: int, hashes: list[bytes], expect: str = "ok") -> bytes:
    headers: list[tuple[str, object]] = [
        ("index", index), ("size", size), ("leaf", LEAF.hex()), ("root", root(size).hex())
    ]  # fmt: skip
    return vector(expect, "all entries are the same", headers, hex_lines(hashes))


def consistency(old: int, size: int, hashes: list[bytes], expect: str = "ok") -> bytes:
    headers: list[tuple[str, object]] = [
        ("old-size", old), ("old-root", root(old).hex()), ("new-size", size), ("new-root", root(size).hex())
    ]  # fmt: skip
    return vector(expect, "all entries are the same", headers, hex_lines(hashes))


def large_trees() -> Vectors:
    """Proofs in trees whose sizes lie around powers of 256."""
    found: Vectors = {}
    for size in SIZES:
        for index in {0, size - 1, (size - 1) // 256 * 256}:
            found["inclusion", f"{index}-of-{size}"] = inclusion(index, size, path(index, size))
        # One entry fewer or more has another proof, even where all entries are the same.
        found["inclusion", f"last-of-{size}-in-{size + 1}"] = inclusion(
            size - 1, size + 1, path(size - 1, size), "inclusion-failed"
        )
    for old, size in [*pairwise(SIZES), (1, 16_777_217), (256, 65_536), (65_536, 16_777_216)]:
        found["consistency", f"{old}-to-{size}"] = consistency(old, size, proof(old, size))
        found["consistency", f"{old}-to-{size}-less-one"] = consistency(
            old, size, proof(old, size)[:-1], "consistency-failed"
        )
    return found


def tiles() -> Vectors:
    """tlog-tiles: paths, and the tiles of a tree (its example of 70,000, and neighbours of powers of 256)."""
    found: Vectors = {}
    for name, level, index, width, text in (
        ("specification-1234067", 5, 1_234_067, 256, "tile/5/x001/x234/067"),
        ("70000-level-0", 0, 273, 112, "tile/0/273.p/112"),
        ("70000-level-1", 1, 1, 17, "tile/1/001.p/17"),
        ("70000-level-2", 2, 0, 1, "tile/2/000.p/1"),
        ("index-999", 0, 999, 256, "tile/0/999"),
        ("index-999999", 0, 999_999, 255, "tile/0/x999/999.p/255"),
        ("index-1000000", 0, 1_000_000, 256, "tile/0/x001/x000/000"),
        ("level-63", 63, 0, 256, "tile/63/000"),
        ("entries-273", "entries", 273, 112, "tile/entries/273.p/112"),
        ("entries-1000", "entries", 1000, 1, "tile/entries/x001/000.p/1"),
    ):
        headers: list[tuple[str, object]] = [("level", level), ("index", index), ("width", width)]
        found["tile", name] = vector("ok", "a path", headers, text)
    for name, text in (
        ("decimal-index", "tile/0/1234067"),
        ("capital-x", "tile/0/X001/000"),
        ("x-twice", "tile/0/xx01/000"),
        ("four-digits", "tile/0/x0001/000"),
        ("width-plus", "tile/0/000.p/+1"),
        ("width-underscore", "tile/0/000.p/1_0"),
        ("width-space", "tile/0/000.p/ 1"),
        ("width-of-four-digits", "tile/0/000.p/1000"),
        ("p-alone", "tile/0/000.p"),
        ("p-on-a-folder", "tile/0/x001.p/1/000"),
        ("no-level", "tile//000"),
        ("no-index", "tile/0/"),
        ("level-hexadecimal", "tile/0x1/000"),
        ("encoded", "tile/0/%30%30%30"),
        ("fragment", "tile/0/000#x"),
        ("entries-unpadded", "tile/entries/7"),
        ("entries-width-256", "tile/entries/000.p/256"),
        ("entries-width-0", "tile/entries/000.p/0"),
        ("data", "tile/data/000"),
        ("empty", ""),
    ):
        found["tile", name] = vector("tile-path-malformed", "no tile has this path", [], text)
    for size in (2, 511, 512, 65_280, 65_281, 16_777_215, 16_777_217):
        found["tree-tiles", str(size)] = vector("ok", "all tiles but the full ones of level 0", tree_tiles(size))
    return found


def tree_tiles(size: int) -> list[tuple[str, object]]:
    """By the definition: a tile at level l holds the hashes of full tiles below, floor(size / 256**l) of them in all."""
    rows: list[tuple[str, object]] = [("size", size)]
    level = 0
    while size >> 8 * level:
        full, rest = divmod(size >> 8 * level, 256)
        rows += [("tile", f"{level}/{index}/256") for index in range(full if level else 0)]
        rows += [("tile", f"{level}/{full}/{rest}")] if rest else []
        level += 1
    return rows


def keys_and_notes() -> Vectors:
    """signed-note, and the implementation that it describes."""
    name, key_id, _ = GO_VKEY.split("+", 2)
    found: Vectors = {}
    headers: list[tuple[str, object]] = [("name", name), ("type", "0x01"), ("key-id", key_id)]
    found["vkey", "peter-neumann"] = vector("ok", "the example of sumdb/note", headers, GO_VKEY)
    material = GO_VKEY.split("+", 2)[2]
    for case, text in (
        ("peter-neumann-long-key", f"{name}+cc469956+{material}BADKEY=="),
        ("peter-neumann-cut", GO_VKEY[:-1]),
        ("peter-neumann-cut-in-front", GO_VKEY[1:]),
        ("peter-neumann-id-mangled", GO_VKEY.replace("c74f20a3", "c74f20a4")),
        ("peter-neumann-key-mangled", GO_VKEY.replace("ARpc", "ARpd")),
        ("peter-neumann-id-of-seven", GO_VKEY.replace("c74f20a3", "c74f203")),
    ):
        found["vkey", case] = vector("vkey-malformed", "refused by the tests of sumdb/note too", [], text)
    found["vkey", "peter-neumann-type-0x65"] = vector(
        "vkey-unsupported", "an unknown type, with the id that follows", [], f"{name}+173116ae+Z{material[1:]}"
    )
    vkey: tuple[str, object] = ("vkey", GO_VKEY)
    line = GO_NOTE.rpartition("\n\n")[2]
    for case, expect, note, verified in (
        ("peter-neumann", "ok", GO_NOTE, 1),
        ("peter-neumann-and-unknown", "ok", GO_NOTE + SECOND_LINE, 1),
        ("peter-neumann-hundred", "ok", GO_NOTE + line * 99, 100),
        ("peter-neumann-hundred-and-one", "note-malformed", GO_NOTE + line * 100, 0),
        ("peter-neumann-changed", "signature-invalid", GO_NOTE.replace("answer", "question"), 0),
        ("poem", "signature-missing", POEM, 0),
        ("poem-without-empty-line", "note-malformed", POEM.replace(".\n\n", ".\n").replace(":\n\n", ":\n"), 0),
    ):
        said: list[tuple[str, object]] = [("verified", verified)] if expect == "ok" else []
        found["note", case] = vector(expect, "an example of signed-note", [vkey, *said], note)
    return found


def checkpoints(witness: str) -> Vectors:
    """tlog-checkpoint, tlog-cosignature, tlog-witness, tlog-proof: their own examples."""
    vkey: tuple[str, object] = ("vkey", GO_VKEY)
    origin: tuple[str, object] = ("origin", "example.com/behind-the-sofa")
    found: Vectors = {
        ("checkpoint", "specification"): vector("signature-missing", "the example", [vkey, origin], SIGNED),
        ("cosignature", "specification"): vector(
            "ok", "the example; neither key is known", [("vkey", witness)], COSIGNED
        ),
        ("tlog-proof", "specification"): vector(
            "note-malformed", "the example, whose signatures are elided", [("leaf", LEAF.hex()), ("policy", "quorum none")],
            PROOF,
        ),
        ("tlog-proof", "specification-extra"): vector(
            "note-malformed", "the example with its extra data", [("leaf", LEAF.hex()), ("policy", "quorum none")],
            PROOF.replace("index", "extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ\nindex", 1),
        ),
    }  # fmt: skip
    offer = "\n".join(("old 20852014", *OFFERED, "", SIGNED)) + SECOND_LINE
    proofs: list[tuple[str, object]] = [("proof", base64.b64decode(one).hex()) for one in OFFERED]
    found["add-checkpoint", "specification"] = vector("ok", "the example", [("old-size", 20_852_014), *proofs], offer)
    most = [LEAF] * 63
    lines = "".join(f"{base64.b64encode(one).decode()}\n" for one in most)
    found["add-checkpoint", "63-hashes"] = vector(
        "ok",
        "as many as may be sent",
        [("old-size", 7), *(("proof", one.hex()) for one in most)],
        f"old 7\n{lines}\n{SIGNED}",
    )
    for case, changed in (
        ("old-plus", offer.replace("old 20852014", "old +20852014")),
        ("old-twice", offer.replace("old 20852014\n", "old 20852014\nold 20852014\n")),
        ("old-two-spaces", offer.replace("old ", "old  ")),
        ("no-empty-line", offer.replace("\n\nexample", "\nexample", 1)),
        ("carriage-return", offer.replace("old 20852014", "old 20852014\r")),
        ("hash-unpadded", offer.replace("pkaw=", "pkaw")),
        ("empty", ""),
    ):
        found["add-checkpoint", case] = vector("add-checkpoint-malformed", "no request", [], changed)
    return found


def policies(log: str, witnesses: list[str]) -> Vectors:
    """tlog-policy: its example with keys, and what it says of limits and spelling."""
    named = dict(zip(("X1", "X2", "X3", "Y1", "Y2", "Y3"), witnesses, strict=False))
    x_lines, y_lines = (
        "".join(f"witness {name} {vkey}\n" for name, vkey in named.items() if name[0] == first) for first in "XY"
    )
    example = (
        f"log {log}\n\n{x_lines}group X-witnesses 2 X1 X2 X3\n\n{y_lines}group Y-witnesses any Y1 Y2 Y3\n\n"
        "group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
    )
    many = "".join(f"witness w{at} {vkey}\n" for at, vkey in enumerate(witnesses))
    many += "".join(f"group g{at} all w{at}\n" for at in range(len(witnesses) - 1))
    many += f"group all 30 {' '.join(f'g{at}' for at in range(len(witnesses) - 1))}\nquorum all\n"
    found: Vectors = {}
    for case, expect, names, text in (
        ("specification", "ok", "X1 X3 Y2", example),
        ("specification-no-x", "quorum-missing", "X1 Y1 Y2 Y3", example),
        ("specification-no-y", "quorum-missing", "X1 X2 X3", example),
        ("32-witnesses-32-groups", "ok", " ".join(f"w{at}" for at in range(1, 31)), many),
        ("32-witnesses-one-less", "quorum-missing", " ".join(f"w{at}" for at in range(2, 31)), many),
        ("kelvin", "ok", "\u212a", f"witness \u212a {witnesses[0]}\nquorum \u212a\n"),
        ("kelvin-is-not-k", "policy-malformed", "K", f"witness \u212a {witnesses[0]}\nquorum K\n"),
        ("threshold-leading-zero", "policy-malformed", "", example.replace("X-witnesses 2", "X-witnesses 02")),
        ("threshold-plus", "policy-malformed", "", example.replace("X-witnesses 2", "X-witnesses +2")),
        ("threshold-capital", "policy-malformed", "", example.replace(" any ", " ANY ")),
        ("group-of-nobody", "policy-malformed", "", example.replace("X-witnesses 2 X1 X2 X3", "X-witnesses all")),
        ("group-before-its-members", "policy-malformed", "", f"group g any X1\n{x_lines}quorum g\n"),
        ("group-in-itself", "policy-malformed", "", f"{x_lines}group g any X1 g\nquorum g\n"),
        ("member-twice", "policy-malformed", "", f"{x_lines}group g 2 X1 X1\nquorum g\n"),
        ("vertical-tab", "policy-malformed", "", example.replace("quorum X", "quorum\x0bX")),
        ("delete-character", "policy-malformed", "", f"# \x7f\n{example}"),
        ("unknown-word", "policy-malformed", "", f"{example}threshold 2\n"),
        ("no-break-space", "policy-malformed", "", example.replace("quorum ", "quorum\u00a0")),
    ):
        cosigned: list[tuple[str, object]] = [("cosigned", name) for name in names.split()]
        found["policy", case] = vector(expect, "an example of tlog-policy or near it", cosigned, text)
    return found


def vectors(log: str, witnesses: list[str]) -> Vectors:
    """All of them; `witnesses` are 32 vkeys of witnesses for the policies."""
    return {**large_trees(), **tiles(), **keys_and_notes(), **checkpoints(witnesses[0]), **policies(log, witnesses)}

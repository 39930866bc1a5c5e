"""Trust policies: C2SP tlog-policy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from custody.core.checkpoint import Checkpoint, sign_checkpoint
from custody.core.cosignature import Cosignature, cosign
from custody.core.errors import MalformedError, PolicyError, SignatureError
from custody.core.note import SignatureType, SignerKey
from custody.core.policy import MAX_DEFINITIONS, NO_QUORUM, Policy, PolicyGroup, parse_policy

LOG = SignerKey.from_seed("log.example/site", SignatureType.ED25519, b"L" * 32)
WITNESSES = {
    name: SignerKey.from_seed(f"{name}.example", SignatureType.COSIGNATURE_ED25519, name.encode() * 16)
    for name in ("X1", "X2", "X3", "Y1", "Y2", "Y3")
}
CHECKPOINT = Checkpoint(origin="log.example/site", size=17, root=b"r" * 32)

# The example of the specification, with keys.
EXAMPLE = "\n".join(
    [
        f"log {LOG.vkey}",
        "",
        *(f"witness {name} {WITNESSES[name].vkey}" for name in ("X1", "X2", "X3")),
        "group X-witnesses 2 X1 X2 X3",
        "",
        *(f"witness {name} {WITNESSES[name].vkey}" for name in ("Y1", "Y2", "Y3")),
        "group Y-witnesses any Y1 Y2 Y3",
        "",
        "group X-and-Y all X-witnesses Y-witnesses",
        "quorum X-and-Y",
        "",
    ]
)


def cosigned(*names: str) -> list[Cosignature]:
    return [Cosignature(key=WITNESSES[name].vkey, timestamp_s=1) for name in names]


def example() -> Policy:
    return parse_policy(EXAMPLE.encode())


def line_of(vkey: object, *, kind: str = "witness A") -> str:
    return f"{kind} {vkey}\n"


def test_the_example_of_the_specification() -> None:
    policy = example()
    assert [one.vkey for one in policy.logs] == [LOG.vkey]
    assert [one.name for one in policy.witnesses] == ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
    assert policy.groups == (
        PolicyGroup(name="X-witnesses", threshold=2, members=("X1", "X2", "X3")),
        PolicyGroup(name="Y-witnesses", threshold=1, members=("Y1", "Y2", "Y3")),
        PolicyGroup(name="X-and-Y", threshold=2, members=("X-witnesses", "Y-witnesses")),
    )
    assert policy.quorum == "X-and-Y"
    assert parse_policy(policy.encode()) == policy


@pytest.mark.parametrize("names", ["X1 X2 Y1", "X1 X3 Y3", "X1 X2 X3 Y1 Y2 Y3"])
def test_quorums_of_the_example(names: str) -> None:
    example().check(cosigned(*names.split()))


@pytest.mark.parametrize("names", ["", "X1 Y1", "X1 X2", "X1 X2 X3", "Y1 Y2 Y3", "X1 X1 Y1"])
def test_what_is_no_quorum_of_the_example(names: str) -> None:
    with pytest.raises(PolicyError, match="X-and-Y has not cosigned") as caught:
        example().check(cosigned(*names.split()))
    assert caught.value.code == "quorum-missing"


def test_a_single_witness_as_quorum() -> None:
    policy = parse_policy(f"witness A {WITNESSES['X1'].vkey} https://a.example/\nquorum A\n".encode())
    assert policy.witnesses[0].url == "https://a.example/"
    policy.check(cosigned("X1"))
    with pytest.raises(PolicyError):
        policy.check(cosigned("X2"))


def test_no_quorum_needs_nobody() -> None:
    policy = parse_policy(b"quorum none\n")
    assert policy == Policy(logs=(), witnesses=(), groups=(), quorum=None)
    policy.check([])
    assert policy.encode() == f"quorum {NO_QUORUM}\n".encode()


def test_a_checkpoint_under_the_policy() -> None:
    note = sign_checkpoint(CHECKPOINT, [LOG]).note
    note = note.with_signatures(
        cosign(note.text, WITNESSES[name], timestamp_s=number) for number, name in enumerate(("X1", "X2", "Y1"))
    )
    witnessed = example().verify(note.encode())
    assert witnessed.checkpoint == CHECKPOINT
    assert witnessed.log.vkey == LOG.vkey
    assert [(one.key.name, one.timestamp_s) for one in witnessed.cosignatures] == [
        ("X1.example", 0),
        ("X2.example", 1),
        ("Y1.example", 2),
    ]


def test_a_checkpoint_that_the_policy_refuses() -> None:
    policy = example()
    note = sign_checkpoint(CHECKPOINT, [LOG]).note
    cosignatures = [cosign(note.text, WITNESSES[name], timestamp_s=1) for name in ("X1", "X2", "Y1")]
    with pytest.raises(PolicyError) as quorum:
        policy.verify(note.with_signatures(cosignatures[:2]).encode())
    assert quorum.value.code == "quorum-missing"
    with pytest.raises(SignatureError) as unsigned:  # a full quorum does not replace the log's own signature
        policy.verify(replace(note, signatures=tuple(cosignatures)).encode())
    assert unsigned.value.code == "signature-missing"
    with pytest.raises(PolicyError) as unknown:
        policy.verify(sign_checkpoint(replace(CHECKPOINT, origin="log.example/other"), [LOG]).note.encode())
    assert unknown.value.code == "log-unknown"


def test_a_listed_log_cannot_speak_for_another() -> None:
    other = SignerKey.from_seed("log.example/other", SignatureType.ED25519, b"O" * 32)
    policy = parse_policy(f"log {LOG.vkey}\nlog {other.vkey}\nquorum none\n".encode())
    with pytest.raises(SignatureError):
        policy.verify(sign_checkpoint(CHECKPOINT, [other]).note.encode())


def test_a_log_with_ml_dsa_44_alone() -> None:
    log = SignerKey.from_seed("log.example/site", SignatureType.ML_DSA_44, b"L" * 32)
    witness = SignerKey.from_seed("w.example", SignatureType.ML_DSA_44, b"W" * 32)
    policy = parse_policy(f"log {log.vkey}\nwitness w {witness.vkey}\nquorum w\n".encode())
    note = sign_checkpoint(CHECKPOINT, [log, witness], timestamp_s=0).note
    assert policy.verify(note.encode()).cosignatures == (Cosignature(key=witness.vkey, timestamp_s=0),)


def test_white_space_and_comments_are_free() -> None:
    messy = f"\n \t\n# text \xe9\n\t# more\n  witness\t A  {WITNESSES['X1'].vkey} \t\nquorum   A  \n".encode("latin-1")
    assert parse_policy(messy) == parse_policy(f"witness A {WITNESSES['X1'].vkey}\nquorum A\n".encode())


def test_names_are_opaque_octets() -> None:
    kelvin, letter = "\u212a".encode(), b"K"
    vkeys = [str(WITNESSES[name].vkey).encode() for name in ("X1", "X2", "X3")]
    data = b"witness %b %b\nwitness %b %b\nwitness \xff\x80 %b\nquorum %b\n" % (
        *(kelvin, vkeys[0], letter, vkeys[1], vkeys[2]),
        kelvin,
    )
    policy = parse_policy(data)
    policy.check(cosigned("X1"))
    with pytest.raises(PolicyError):
        policy.check(cosigned("X2"))
    assert policy.encode() == data


X1, X2 = WITNESSES["X1"].vkey, WITNESSES["X2"].vkey


@pytest.mark.parametrize(
    "text",
    [
        "",
        "quorum none",
        "quorum none\r\n",
        "quorum none\x00\n",
        "quorum none\x7f\n",
        "quorum none\nquorum none\n",
        "quorum nobody\n",
        "quorum\n",
        "quorum none none\n",
        "Quorum none\n",
        "unknown x\nquorum none\n",
        "log\nquorum none\n",
        f"log {LOG.vkey} https://a b\nquorum none\n",
        f"log {LOG.vkey}\nlog {LOG.vkey}\nquorum none\n",
        f"log {X1}\nquorum none\n",
        f"witness A {LOG.vkey}\nquorum A\n",
        f"witness none {X1}\nquorum none\n",
        f"witness A {X1}\nwitness A {X2}\nquorum A\n",
        f"witness A {X1}\nwitness B {X1}\nquorum A\n",
        f"witness A {X1}\nwitness B {replace(X1, name='other')}\nquorum A\n",
        f"quorum A\nwitness A {X1}\n",
        f"witness A {X1}\ngroup A any A\nquorum A\n",
        f"witness A {X1}\ngroup g any\nquorum A\n",
        f"witness A {X1}\ngroup g 0 A\nquorum A\n",
        f"witness A {X1}\ngroup g 2 A\nquorum A\n",
        f"witness A {X1}\ngroup g 01 A\nquorum A\n",
        f"witness A {X1}\ngroup g some A\nquorum A\n",
        f"witness A {X1}\ngroup g any g\nquorum A\n",
        f"witness A {X1}\ngroup g any A A\nquorum g\n",
        f"witness A {X1}\ngroup g any A\ngroup h any A\nquorum g\n",
        f"witness A {X1}\ngroup g any none\nquorum A\n",
        f"group g any A\nwitness A {X1}\nquorum g\n",
        "#" * (1 << 20) + "\nquorum none\n",
    ],
)
def test_malformed_policies(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_policy(text.encode())
    assert caught.value.code == "policy-malformed"


def test_the_error_names_the_line() -> None:
    with pytest.raises(MalformedError, match="policy line 3: not a policy line") as caught:
        parse_policy(b"# one\n\nnonsense\n")
    assert caught.value.code == "policy-malformed"
    with pytest.raises(MalformedError, match="policy line 1") as bad_key:
        parse_policy(b"log a+b+c\nquorum none\n")
    assert bad_key.value.code == "vkey-malformed"


def test_large_policies_have_a_limit_far_above_the_recommended_one() -> None:
    def policy(count: int) -> bytes:
        keys = [
            SignerKey.from_seed(f"w{number}", SignatureType.COSIGNATURE_ED25519, number.to_bytes(32, "big")).vkey
            for number in range(count)
        ]
        lines = [f"witness {key.name} {key}" for key in keys]
        return "\n".join([*lines, "group all all " + " ".join(key.name for key in keys), "quorum all\n"]).encode()

    assert len(parse_policy(policy(MAX_DEFINITIONS)).witnesses) == MAX_DEFINITIONS >= 32
    with pytest.raises(MalformedError, match="at most"):
        parse_policy(policy(MAX_DEFINITIONS + 1))

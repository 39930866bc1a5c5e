"""What `--trust` takes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from custody.core.errors import CustodyError
from custody.core.note import SignatureType, SignerKey
from custody.core.policy import Policy
from custody.verifier.trust import load_trust

ED, CO, PQ = SignatureType.ED25519, SignatureType.COSIGNATURE_ED25519, SignatureType.ML_DSA_44
LOG, NEW, SECOND = (
    SignerKey.from_seed("log.example/site", kind, seed * 32).vkey for kind, seed in ((ED, b"L"), (ED, b"N"), (PQ, b"P"))
)
WITNESS = SignerKey.from_seed("w.example", CO, b"W" * 32).vkey


def file(folder: Path, text: str | bytes, name: str = "trust") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def refused(*given: str) -> str:
    with pytest.raises(CustodyError) as caught:
        load_trust(given)
    return caught.value.code


def test_nothing_given_is_nothing_trusted() -> None:
    assert load_trust([]) == Policy(logs=(), witnesses=(), groups=(), quorum=None)


def test_keys_files_and_a_policy_are_joined(tmp_path: Path) -> None:
    keys = file(tmp_path, f"# from the authority\n\n{LOG}\n{SECOND}\n", "keys")
    policy = file(tmp_path, f"log {LOG} https://log.example/\nwitness w {WITNESS}\nquorum w\n", "policy")
    assert load_trust([str(NEW)]).keys == (NEW,)
    assert load_trust([keys]).keys == (LOG, SECOND)
    assert load_trust([keys, str(NEW), str(LOG)]).keys == (LOG, SECOND, NEW)
    joined = load_trust([str(NEW), policy])
    assert joined.keys == (NEW, LOG)
    assert joined.quorum == "w"
    # A policy may leave the logs to others (C2SP tlog-policy); whoever brings the key adds it.
    bare = file(tmp_path, f"witness w {WITNESS}\nquorum w\n", "bare")
    assert load_trust([bare]).keys == ()
    assert load_trust([bare, str(LOG)]).keys == (LOG,)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "trust-unusable"),
        ("# nothing\n", "trust-unusable"),
        ("nonsense\n", "vkey-malformed"),
        (b"\xff\n", "trust-unusable"),
        (f"{WITNESS}\n", "policy-malformed"),  # a witness signs no checkpoints
        (f"log {LOG}\n", "policy-malformed"),  # no quorum line
        (f"log {LOG}\nquorum w\n", "policy-malformed"),
        (f"log {LOG}\r\nquorum none\r\n", "policy-malformed"),
        (f"{LOG}\nlog {LOG}\nquorum none\n", "policy-malformed"),  # two forms in one file
        (b"#" * ((1 << 20) + 1), "trust-unusable"),
    ],
)
def test_files_that_say_nothing_clear(tmp_path: Path, text: str | bytes, code: str) -> None:
    assert refused(file(tmp_path, text)) == code


def test_what_is_no_file_and_no_key(tmp_path: Path) -> None:
    assert refused(str(tmp_path / "nothing")) == "trust-unusable"
    assert refused(str(tmp_path)) == "trust-unusable"
    assert refused(f"{LOG}"[:-4]) == "vkey-malformed"
    assert refused("") == "trust-unusable"


def test_two_quorums_are_not_clear(tmp_path: Path) -> None:
    one, two = (file(tmp_path, f"log {LOG}\nquorum none\n", name) for name in ("one", "two"))
    assert refused(one, two) == "trust-unusable"


def test_a_certificate_is_named_as_what_it_is(tmp_path: Path) -> None:
    given = file(tmp_path, "-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n", "ca.pem")
    with pytest.raises(CustodyError, match=r"is a PEM file .* name\+id\+key") as caught:
        load_trust([given])
    assert caught.value.code == "trust-unusable"

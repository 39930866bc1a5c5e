"""An administrator at the command line revokes a key in the log: the one that he means, or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.security.parties import SECRET, House, now_us, random10, secret
from tests.server.ledger_rig import ORIGIN

from custody.authority.registration import key_revoked
from custody.client import TlsFiles
from custody.core.policy import Policy
from custody.core.roles import Role
from custody.enrol.telling import KeyUnknownError, Telling
from custody.private.file import write_new
from custody.private.key import write_key


def administrator(home: House, folder: Path) -> Telling:
    enrolled, key = home.enrol(Role.ADMINISTRATOR, "head-office")
    write_key(folder / "key", key, secret)
    write_new(folder / "phrase", SECRET + b"\n")
    for name, data in (("crt", enrolled.certificate), ("roots", home.roots)):
        write_new(folder / name, data)
    files = TlsFiles(
        roots=folder / "roots", certificate=folder / "crt", key=folder / "key", passphrase_file=folder / "phrase"
    )
    return Telling(target=home.address, log=ORIGIN, trust=Policy.of_keys([home.rig.signer.signing.vkey]), tls=files)


async def test_a_slip_in_a_key_id_revokes_nothing_and_says_so(home: House, tmp_path: Path) -> None:
    """Else whoever revokes a stolen key believes that it is revoked."""
    recorder = await home.registered(Role.RECORDER, "nvr-1", "site-1/*")
    key_id = recorder.enrolled.key_id
    telling = administrator(home, tmp_path)
    size = await home.size()
    wrong = key_id[:-1] + ("0" if key_id[-1] != "0" else "1")
    with pytest.raises(KeyUnknownError, match=f"no key {wrong}; it has {key_id}"):
        await telling.append([key_revoked(wrong, 1, now_us(), random10("wrong"))], revoked=wrong)
    assert await home.size() == size
    await telling.append([key_revoked(key_id, 1, now_us(), random10("right"))], revoked=key_id)
    assert await home.size() == size + 1

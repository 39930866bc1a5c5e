"""From a name to a checked seal, with real processes: enrol, serve with mutual TLS, record, verify; then revoke."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from tests.system.programs import CUSTODY, ENVIRONMENT, ORIGIN, House, Program, run

from custody.client import Credentials, LedgerClient, RefusedError, TlsFiles
from custody.core.entry import decode_entry

CHAIN = "footage/site-12/east"


def config(folder: Path, address: str, vkey: str) -> Path:
    path = folder / "agent.toml"
    (folder / "trust.txt").write_text(f"# of the supervising authority\n{vkey}\n")
    path.write_text(
        f'site = "site-12"\nstate = "agent"\n[agent]\nscan_s = 1\nheartbeat_s = 1\n'
        f'[ledger]\ntarget = "{address}"\nlog = "{ORIGIN}"\nvkeys = ["trust.txt"]\n'
        '[ledger.tls]\nroots = "ca/ca.pem"\ncertificate = "out/nvr-1.crt"\nkey = "out/nvr-1.key"\n'
        'passphrase_file = "passphrase"\n'
        '[ledger.seal]\nkey = "out/nvr-1.seal.key"\npassphrase_file = "passphrase"\n'
        '[[recorder]]\npreset = "folder"\nsettle_s = 0\n[[recorder.storage]]\nname = "hot"\npath = "footage"\n'
    )
    return path


async def enrol(folder: Path) -> None:
    secret = folder / "passphrase"
    phrase = ("--ca-passphrase-file", secret)
    await run("ca", "init", folder / "ca", *phrase)
    for role, name, *more in (
        ("ledger", "a", "--host", "127.0.0.1"),
        ("administrator", "head-office"),
        ("inspector", "bureau"),
        ("recorder", "nvr-1", "--scope", "site-12/*", "--seal"),
    ):
        party = ("--role", role, "--name", name, "--out", folder / "out", "--passphrase-file", secret)
        await run("enrol", "--ca", folder / "ca", *phrase, *party, *more)


async def scan_port(address: str) -> None:
    """Somebody who speaks no TLS; returns when the ledger has hung up."""
    host, port = address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\n\r\n" * 20)
    with suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), 30)
    writer.close()


def record_footage(camera: Path) -> None:
    """One finished file."""
    camera.mkdir(parents=True)
    (camera / "2026-03-01_08-00-00.mp4").write_bytes(os.urandom(5_000))


def lines_of_others(log: Path) -> list[str]:
    """What stands in the programs' logs and is no JSON of ours."""
    return [line for line in log.read_text().splitlines() if not line.startswith('{"')]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, TlsFiles]:
    out, roots, secret = tmp_path / "out", tmp_path / "ca" / "ca.pem", tmp_path / "passphrase"
    return {
        name: TlsFiles(roots=roots, certificate=out / f"{name}.crt", key=out / f"{name}.key", passphrase_file=secret)
        for name in ("head-office", "bureau", "nvr-1")
    }


async def test_a_recorder_is_enrolled_records_sealed_is_checked_offline_and_is_revoked(
    tmp_path: Path, files: dict[str, TlsFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    agent: asyncio.subprocess.Process | None = None
    try:
        await house.make()
        await enrol(tmp_path)
        secret, out = str(tmp_path / "passphrase"), tmp_path / "out"
        serve = house.ledger_command(
            "--listen", "127.0.0.1:0", "--tls-cert", f"{out}/a.crt", "--tls-key", f"{out}/a.key",
            "--tls-passphrase-file", secret, "--client-ca", f"{tmp_path}/ca/ca.pem", "--crl", f"{tmp_path}/crl.pem",
            "--demand-seals", "site-12",
        )  # fmt: skip
        shutil.copy(tmp_path / "ca" / "crl.pem", tmp_path / "crl.pem")
        house.ledger = Program("ledger", serve, tmp_path / "processes.log", ready="ledger ready")
        address = (await house.ledger.start()).split()[-1]
        await scan_port(address)
        # The administrator's files come by environment here, by options elsewhere; both are the same everywhere.
        office = files["head-office"]
        told = {"CA": office.roots, "CERT": office.certificate, "KEY": office.key, "PASSPHRASE_FILE": secret}
        for name, value in told.items():
            monkeypatch.setitem(ENVIRONMENT, f"CUSTODY_TLS_{name}", str(value))
        ledger = ("--ledger", address, "--log", ORIGIN, "--trust", house.vkey)
        records = sorted(out.glob("*.record"))
        lines = (await run("keys", "tell", *records, *ledger)).splitlines()
        assert [line.partition(": entry ")[0] for line in lines] == list(map(str, records))

        record_footage(tmp_path / "footage" / "east")
        recording = await asyncio.create_subprocess_exec(
            CUSTODY, "record", "run", "-c", str(config(tmp_path, address, house.vkey)), env=ENVIRONMENT
        )
        agent = recording
        async with await LedgerClient.connect(
            address, log=ORIGIN, vkeys=[house.vkey], **Credentials(tls=files["bureau"]).settings()
        ) as inspector:
            async with asyncio.timeout(60):
                async for page in inspector.follow(0, [CHAIN]):
                    if page.entries:
                        break
        entry = decode_entry(page.entries[0].entry.raw)
        assert entry.submitter == "urn:custody:recorder:nvr-1"
        recording.terminate()
        assert await asyncio.wait_for(recording.wait(), 30) == 0

        verify = ("verify", "log", house.database, "--key", house.vkey, "--demand-seals", "site-12", "--json")
        report = json.loads(await run(*verify))
        assert report["verdict"] == "fine"
        assert report["not_checked"] == [10]
        assert not report["findings"]

        await run(
            "revoke", "--ca", tmp_path / "ca", "--ca-passphrase-file", secret, files["nvr-1"].identity(),
            "--reason", "compromised", *ledger,
        )  # fmt: skip
        (tmp_path / "crl.pem").unlink()
        shutil.copy(tmp_path / "ca" / "crl.pem", tmp_path / "crl.pem")
        thief = await LedgerClient.connect(
            address, log=ORIGIN, vkeys=[house.vkey], **Credentials(tls=files["nvr-1"]).settings()
        )
        async with thief:
            with pytest.raises(RefusedError) as refused:
                await thief.append([entry.record], retry=False)
        assert refused.value.code == "certificate-revoked"
        assert lines_of_others(tmp_path / "processes.log") == []
        assert json.loads(await run(*verify))["verdict"] == "fine"
    finally:
        if agent is not None and agent.returncode is None:
            agent.kill()
            await agent.wait()
        await house.close()

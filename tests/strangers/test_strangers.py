"""Strangers check the log with nothing of ours: over HTTP, and from a folder that was mirrored."""

from __future__ import annotations

import ast
import asyncio
import http.client
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.server.http.conftest import TOKEN, Site
from tests.server.ledger_rig import ORIGIN, segment
from tests.server.test_rotation import OLD, SECOND, announced, use
from tests.server.witnessing.conftest import Three
from tests.strangers.independent_audit import Fetch, Wrong, audit, name_of
from tests.strangers.independent_ed25519 import NotSigned, verify

from custody.core.errors import CustodyError
from custody.core.note import VerifierKey
from custody.core.tile import tile_path
from custody.server.witnessing.quorum import Witnesses
from custody.verifier.audit_run import AuditPlan, audit_log
from custody.verifier.choose_log import choose_log
from custody.verifier.log_report import INDEX, OPTIONAL, Status
from custody.verifier.mirror.copying import Mirror, MirrorFailed
from custody.verifier.tiles.credentials import Credentials
from custody.verifier.tiles.source import FolderSource, HttpSource

ENTRIES = 100_000
SOURCES = sorted(Path(__file__).parent.glob("independent_*.py"))


async def fill(site: Site, first: int, end: int) -> None:
    for begin in range(first, end, 1_024):
        await site.rig.submit([segment(number) for number in range(begin, min(end, begin + 1_024))])


def over_http(url: str) -> Fetch:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=60)

    def fetch(path: str) -> bytes:
        connection.request("GET", f"/{ORIGIN}/{path}", headers={"Authorization": f"Bearer {TOKEN}"})
        response = connection.getresponse()
        data = response.read()
        if response.status != 200:
            raise Wrong(f"{path}: {response.status}")
        return data

    fetch.close = connection.close  # type: ignore[attr-defined]
    return fetch


def of_folder(folder: Path) -> Fetch:
    return lambda path: (folder / path).read_bytes()


def key_of(site: Site) -> VerifierKey:
    return site.rig.signer.signing.vkey


async def mirror(site: Site, folder: Path) -> int:
    def run() -> int:
        source = HttpSource(f"{site.url}/{ORIGIN}", Credentials(token=TOKEN))
        try:
            return Mirror(source, folder, [key_of(site)]).run().fetched
        finally:
            source.close()

    return await asyncio.to_thread(run)


def test_the_audit_shares_nothing_with_the_product() -> None:
    assert len(SOURCES) == 2
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert "custody" not in text
        for node in ast.walk(ast.parse(text)):
            assert not isinstance(node, ast.Import) or {one.name for one in node.names} <= sys.stdlib_module_names
            if isinstance(node, ast.ImportFrom) and node.module != "tests.strangers.independent_ed25519":
                assert (node.module or "").partition(".")[0] in sys.stdlib_module_names
    assert [name_of(number) for number in (0, 999, 1_000, 1_234_067)] == ["000", "999", "x001/000", "x001/x234/067"]


def test_the_independent_signatures_are_those_of_rfc_8032() -> None:
    """Section 7.1, test 1: the empty message; and nothing near it."""
    key = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
        "655141438e7a100b"
    )
    verify(key, b"", signature)
    for text, changed in (
        (b"x", signature),
        (b"", signature[:32] + bytes(32)),
        (b"", signature[:63] + b"\xff"),
        (b"", signature[:-1]),
        (b"", bytes([signature[0] ^ 1]) + signature[1:]),
    ):
        with pytest.raises(NotSigned):
            verify(key, text, changed)


@asynccontextmanager
async def watched(site: Site, three: Three) -> AsyncIterator[None]:
    """The log signs with ML-DSA-44 too, and publishes only what two of three witnesses cosigned."""
    witnesses = Witnesses(ORIGIN, three.settings())
    use(site.rig, OLD, SECOND)
    site.rig.sequencer._witnesses = witnesses
    yield
    await witnesses.close()


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_hundred_thousand_entries_over_http_and_from_a_folder(site: Site, three: Three, tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    async with watched(site, three):
        await site.rig.submit([announced(SECOND.vkey, ENTRIES)])
        await fill(site, 1, 70_000)
        assert await mirror(site, folder) == -(-70_000 // 256)
        await fill(site, 70_000, ENTRIES)
    assert await mirror(site, folder) == -(-ENTRIES // 256) - 70_000 // 256
    vkey, second = key_of(site).encode(), [SECOND.vkey.encode()]
    cosigners = [str(one.keys[0]) for one in three.witnesses]
    fetch = over_http(site.url)
    served = await asyncio.to_thread(audit, fetch, vkey, second, cosigners, 2)
    fetch.close()  # type: ignore[attr-defined]
    mirrored = await asyncio.to_thread(audit, of_folder(folder), vkey, second, cosigners, 2)
    assert served[:2] == mirrored[:2] == (ORIGIN, ENTRIES)
    assert served[2] == mirrored[2]
    keys = [key_of(site)]
    for place in (str(folder), f"{site.url}/{ORIGIN}"):
        opened = await asyncio.to_thread(choose_log, place, None, keys, Credentials(token=TOKEN))
        report = await asyncio.to_thread(audit_log, AuditPlan(open_log=opened, keys=tuple(keys)))
        assert (report.status, report.size, report.verified) == (Status.FINE, ENTRIES, ENTRIES)
        unchecked = {check.number for check in report.checks if check.status is Status.NOT_CHECKED}
        assert unchecked == {INDEX} | OPTIONAL


async def test_every_signature_counts_for_the_stranger(site: Site, three: Three, tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    async with watched(site, three):
        await site.rig.submit([announced(SECOND.vkey), segment(0)])
        await mirror(site, folder)
    vkey, second = key_of(site).encode(), [SECOND.vkey.encode()]
    cosigners = [str(one.keys[0]) for one in three.witnesses]
    assert audit(of_folder(folder), vkey, second, cosigners, 2)[1] == 2
    whole = (folder / "checkpoint").read_bytes()
    text, _, block = whole.rpartition(b"\n\n")
    lines = block.splitlines(keepends=True)
    assert len(lines) >= 4
    for at, line in enumerate(lines):
        # A character of the time, or of the signature where there is no time; then none of it.
        start, _, data = line.rpartition(b" ")
        bent = start + b" " + data[:7] + (b"B" if data[7:8] == b"A" else b"A") + data[8:]
        for changed in ([*lines[:at], bent, *lines[at + 1 :]], [*lines[:at], *lines[at + 1 :]]):
            (folder / "checkpoint").write_bytes(text + b"\n\n" + b"".join(changed))
            quorum = len(lines) - 2
            if bent in changed and len(data) > 3_000:
                continue  # an ML-DSA-44 line is looked at by its form
            with pytest.raises((Wrong, NotSigned)):
                audit(of_folder(folder), vkey, second, cosigners, quorum)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 700])
async def test_every_byte_of_a_mirror_counts(site: Site, tmp_path: Path, size: int) -> None:
    await fill(site, 0, size)
    folder = tmp_path / "mirror"
    await mirror(site, folder)
    vkey = key_of(site).encode()
    assert audit(of_folder(folder), vkey)[1] == size
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        with pytest.raises(Exception):  # noqa: B017 - the stranger's own errors, and those of what he uses
            audit(of_folder(folder), vkey)
        path.write_bytes(whole)
    assert audit(of_folder(folder), vkey)[1] == size


async def test_a_mirror_that_was_broken_off_goes_on(site: Site, tmp_path: Path) -> None:
    await fill(site, 0, 1_300)
    folder = tmp_path / "mirror"
    await mirror(site, folder)
    (folder / "checkpoint").unlink()
    (folder / "tile/entries/002").write_bytes(b"damaged by the crash")
    (folder / "tile/entries/003").unlink()
    shutil.rmtree(folder / "tile/0")
    assert await mirror(site, folder) == 2
    assert audit(of_folder(folder), key_of(site).encode())[1] == 1_300
    assert await mirror(site, folder) == 0


async def test_partial_tiles_go_when_they_are_full(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    for size in (200, 300, 600):
        await fill(site, site.rig.publication.size, size)
        await mirror(site, folder)
        assert audit(of_folder(folder), key_of(site).encode())[1] == size
    partial = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.p/*"))
    assert [path for path in partial if path.startswith(("tile/0/000", "tile/0/001", "tile/entries/000"))] == []


@pytest.mark.parametrize("path", ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"])
async def test_nothing_false_is_mirrored(site: Site, tmp_path: Path, path: str) -> None:
    await fill(site, 0, 300)
    honest, folder = tmp_path / "honest", tmp_path / "mirror"
    await mirror(site, honest)
    whole = (honest / path).read_bytes()
    for data in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:-1], whole + b"x", b""):
        (honest / path).write_bytes(data)
        with pytest.raises(MirrorFailed):
            Mirror(FolderSource(honest), folder, [key_of(site)]).run()
        assert not (folder / "checkpoint").exists()
    (honest / path).unlink()
    with pytest.raises(MirrorFailed):
        Mirror(FolderSource(honest), folder, [key_of(site)]).run()


async def test_a_rollback_leaves_the_mirror_as_it_was(site: Site, tmp_path: Path) -> None:
    await fill(site, 0, 300)
    small, folder = tmp_path / "small", tmp_path / "mirror"
    await mirror(site, small)
    await fill(site, 300, 400)
    await mirror(site, folder)
    note = (folder / "checkpoint").read_bytes()
    with pytest.raises(CustodyError) as caught:
        Mirror(FolderSource(small), folder, [key_of(site)]).run()
    assert caught.value.code == "rollback"
    assert (folder / "checkpoint").read_bytes() == note


async def test_a_token_does_not_travel_in_plain_text(site: Site) -> None:
    with pytest.raises(CustodyError) as caught:
        HttpSource("http://ledger.example/log", Credentials(token=TOKEN))
    assert caught.value.code == "token-in-clear"
    source = HttpSource(f"{site.url}/{ORIGIN}")
    with pytest.raises(CustodyError) as caught:
        await asyncio.to_thread(source.read, "tile/entries/000")
    source.close()
    assert caught.value.code == "token-needed"
    assert tile_path(0, 0) == "tile/0/000"

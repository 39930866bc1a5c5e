"""Strangers check the log with nothing of ours: over HTTP, and from a folder that was mirrored."""

from __future__ import annotations

import asyncio
import http.client
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.server.http.conftest import TOKEN, Site
from tests.server.ledger_rig import ORIGIN, segment
from tests.strangers.independent_audit import Fetch, Wrong, audit, name_of

from custody.core.errors import CustodyError
from custody.core.note import VerifierKey
from custody.core.tile import tile_path
from custody.verifier.audit_run import AuditPlan, audit_log
from custody.verifier.choose_log import choose_log
from custody.verifier.log_report import INDEX, OPTIONAL, Status
from custody.verifier.mirror.copying import Mirror, MirrorFailed
from custody.verifier.tiles.credentials import Credentials
from custody.verifier.tiles.source import FolderSource, HttpSource

ENTRIES = 100_000
SOURCES = [path for folder in ("independent_audit.py",) for path in Path(__file__).parent.glob(folder)]


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
    for path in SOURCES:
        assert "custody" not in path.read_text(encoding="utf-8")
    assert [name_of(number) for number in (0, 999, 1_000, 1_234_067)] == ["000", "999", "x001/000", "x001/x234/067"]


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_hundred_thousand_entries_over_http_and_from_a_folder(site: Site, tmp_path: Path) -> None:
    await fill(site, 0, 70_000)
    folder = tmp_path / "mirror"
    assert await mirror(site, folder) == -(-70_000 // 256)
    await fill(site, 70_000, ENTRIES)
    assert await mirror(site, folder) == -(-ENTRIES // 256) - 70_000 // 256
    vkey = key_of(site).encode()
    fetch = over_http(site.url)
    served = await asyncio.to_thread(audit, fetch, vkey)
    fetch.close()  # type: ignore[attr-defined]
    mirrored = await asyncio.to_thread(audit, of_folder(folder), vkey)
    assert served[:2] == mirrored[:2] == (ORIGIN, ENTRIES)
    assert served[2] == mirrored[2]
    keys = [key_of(site)]
    for place in (str(folder), f"{site.url}/{ORIGIN}"):
        opened = await asyncio.to_thread(choose_log, place, None, keys, Credentials(token=TOKEN))
        report = await asyncio.to_thread(audit_log, AuditPlan(open_log=opened, keys=tuple(keys)))
        assert (report.status, report.size, report.verified) == (Status.FINE, ENTRIES, ENTRIES)
        unchecked = {check.number for check in report.checks if check.status is Status.NOT_CHECKED}
        assert unchecked == {INDEX} | OPTIONAL


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

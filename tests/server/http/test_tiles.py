"""C2SP tlog-tiles over HTTP: what is there, what is not, and who may have it."""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path

import pytest
from tests.server.http.conftest import TOKEN, Site
from tests.server.ledger_rig import segment

from custody.asgi.serving import HttpAddress, HttpAddressError, HttpServer
from custody.core.bundle import decode_bundle
from custody.core.checkpoint import open_checkpoint
from custody.core.errors import MalformedError
from custody.core.hashing import leaf_hash
from custody.core.tile import entries_path, tile_path
from custody.core.tree import EMPTY_FRONTIER, extend
from custody.server.app import now_us
from custody.server.http.access import EntriesClosed, parse_tokens
from custody.server.http.app import HttpApp
from custody.server.http.settings import HttpSettings


async def fill(site: Site, entries: int) -> None:
    for first in range(0, entries, 200):
        await site.rig.append([segment(number) for number in range(first, min(entries, first + 200))])


async def test_an_empty_log_has_a_checkpoint_and_nothing_else(site: Site) -> None:
    answer = await site.ask("checkpoint")
    assert open_checkpoint(answer.body, site.rig.signer.signing.vkey).size == 0
    for path in (tile_path(0, 0), tile_path(0, 0, 1), entries_path(0, 1)):
        assert (await site.ask(path, token=TOKEN)).status == 404


async def test_every_width_up_to_the_published_one(site: Site) -> None:
    await fill(site, 300)
    checkpoint = open_checkpoint((await site.ask("checkpoint")).body, site.rig.signer.signing.vkey)
    assert checkpoint.size == 300
    full = (await site.ask(tile_path(0, 0))).body
    entries = decode_bundle((await site.ask(entries_path(0), token=TOKEN)).body, 256)
    assert full == b"".join(map(leaf_hash, entries))
    for width in (1, 2, 44, 255):
        assert (await site.ask(tile_path(0, 0, width))).body == full[: 32 * width]
        bundle = (await site.ask(entries_path(0, width), token=TOKEN)).body
        assert decode_bundle(bundle, width) == entries[:width]
    rest = (await site.ask(tile_path(0, 1, 44))).body
    hashes = [value[at : at + 32] for value in (full, rest) for at in range(0, len(value), 32)]
    assert extend(EMPTY_FRONTIER, hashes).root == checkpoint.root
    assert (await site.ask(tile_path(1, 0, 1))).body == extend(EMPTY_FRONTIER, hashes[:256]).root
    for path in (tile_path(0, 1, 45), tile_path(0, 1), tile_path(1, 0, 2), tile_path(1, 0), tile_path(2, 0, 1)):
        assert (await site.ask(path)).status == 404
    for path in (entries_path(1, 45), entries_path(1), entries_path(2, 1)):
        assert (await site.ask(path, token=TOKEN)).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "", "tile/0/0", "tile/0/000.p/0", "tile/0/000.p/256", "tile/00/000", "tile/0/x000/000", "tile/0/000/", "tile//000",
        "tile/64/000", "tile/-1/000", "tile/0/000?x=1", "checkpoint?", "checkpoint?x", "checkpoint/", "Checkpoint",
        "tile/entries/0", "tile/data/000", "../checkpoint", "/", "/checkpoint", "/other.example/log/checkpoint",
    ],
)  # fmt: skip
async def test_other_paths_and_query_strings_name_nothing(site: Site, path: str) -> None:
    await fill(site, 300)
    answer = await site.ask(path, token=TOKEN)
    # A lone question mark is no query: what is asked for is the checkpoint.
    assert answer.status == (200 if path == "checkpoint?" else 404)


async def test_head_says_what_get_would(site: Site) -> None:
    await fill(site, 3)
    for path in ("checkpoint", tile_path(0, 0, 3), entries_path(0, 3), tile_path(0, 0), "/healthz"):
        got, head = await site.ask(path, token=TOKEN), await site.ask(path, "HEAD", TOKEN)
        assert (head.status, head.headers, head.body) == (got.status, got.headers, b"")
        assert int(got.headers["content-length"]) == len(got.body)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_nothing_can_be_written(site: Site, method: str) -> None:
    answer = await site.ask("checkpoint", method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_caches_keep_tiles_for_ever_and_checkpoints_hardly(site: Site) -> None:
    await fill(site, 3)
    assert (await site.ask("checkpoint")).headers["cache-control"] == "public, max-age=1"
    assert "immutable" in (await site.ask(tile_path(0, 0, 3))).headers["cache-control"]
    entries = await site.ask(entries_path(0, 3), token=TOKEN)
    assert entries.headers["cache-control"].startswith("private")
    assert "immutable" in entries.headers["cache-control"]
    for path in ("tile/0/000", "/healthz", "/metrics"):
        assert (await site.ask(path)).headers["cache-control"] == "no-store"
    types = {path: (await site.ask(path)).headers["content-type"] for path in ("checkpoint", tile_path(0, 0, 3))}
    assert types == {"checkpoint": "text/plain; charset=utf-8", tile_path(0, 0, 3): "application/octet-stream"}


async def test_entries_ask_for_the_inspectors_token(site: Site) -> None:
    await fill(site, 3)
    path = entries_path(0, 3)
    for token in (None, "", "wrong", TOKEN + "x", "x" * 9_000):
        answer = await site.ask(path, token=token)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="custody entries"')
    assert (await site.ask(path, token=TOKEN)).status == 200
    # Whether a bundle exists is no secret to nobody: without the token every bundle looks alike.
    assert (await site.ask(entries_path(77))).status == 401


async def test_health_and_metrics(site: Site) -> None:
    assert ((await site.ask("/healthz")).status, (await site.ask("/healthz")).body) == (200, b"ok\n")
    assert b"python_info" in (await site.ask("/metrics")).body
    site.rig.sequencer.halted = MalformedError("for a test")
    assert (await site.ask("/healthz")).status == 503


@pytest.mark.parametrize(
    "line",
    ["x urn:custody:inspector:li", f"{'0' * 64} urn:custody:recorder:nvr", f"{'A' * 64} urn:custody:inspector:li", "0"],
)
def test_a_token_file_has_one_spelling(line: str, tmp_path: Path) -> None:
    with pytest.raises(MalformedError):
        parse_tokens(f"{line}\n")
    tokens = tmp_path / "tokens"
    tokens.write_bytes(b"\xff")
    with pytest.raises(MalformedError) as caught:
        HttpSettings(address=HttpAddress(host="127.0.0.1", port=0), tokens=tokens).access(now_us, time.monotonic)
    assert caught.value.code == "token-file-malformed"


def test_entries_can_be_opened() -> None:
    settings = HttpSettings(address=HttpAddress(host="127.0.0.1", port=0), open_entries=True)
    settings.access(now_us, time.monotonic).check(None)
    closed = HttpSettings(address=settings.address).access(now_us, time.monotonic)
    with pytest.raises(EntriesClosed):
        closed.check(b"Bearer " + sha256(b"").hexdigest().encode())


@pytest.mark.parametrize("text", ["", "127.0.0.1", ":80", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1"])
def test_an_address_is_a_host_and_a_port(text: str) -> None:
    with pytest.raises(HttpAddressError):
        HttpAddress.parse(text)


async def test_a_taken_address_or_a_bad_certificate_is_an_error_of_ours(site: Site, tmp_path: Path) -> None:
    taken = HttpSettings(address=HttpAddress(host="127.0.0.1", port=int(site.url.rpartition(":")[2])))
    with pytest.raises(HttpAddressError):
        await HttpServer(HttpApp([], taken.access(now_us, time.monotonic)), taken.address).start()
    (tmp_path / "no.pem").write_text("no certificate")
    with pytest.raises(HttpAddressError):
        HttpAddress.parse("127.0.0.1:0", tmp_path / "no.pem", tmp_path / "no.pem").tls()
    with pytest.raises(HttpAddressError):
        HttpAddress.parse("127.0.0.1:0", tmp_path / "no.pem")

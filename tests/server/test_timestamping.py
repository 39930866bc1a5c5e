"""The ledger's own time stamps: cadence, failure, restart, renewal before a certificate or a hash ages, and the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click import UsageError
from cryptography.x509 import load_pem_x509_certificates
from tsa import Authority, serving, stranger_verifies

from custody.core.errors import SignatureError
from custody.core.timestamp import read_generations, read_token, renewal_data
from custody.server.hosted import HostedLog
from custody.server.publication import Publication
from custody.server.service import LedgerService
from custody.server.timestamping.archive import ArchiveDamaged, StampArchive, Stamped
from custody.server.timestamping.keeper import StampKeeper
from custody.server.timestamping.options import read_settings
from custody.server.timestamping.settings import DAY_S, TimestampSettings
from custody.timestamping.authorities import ATTEMPTS, Stamper, StampingError
from custody.v1 import ledger_pb2

ORIGIN = "ledger.example/stamped log"
DAYS = 200


class Ledger:
    """A published checkpoint, a clock, and the keeper over a folder; `restart` makes a new keeper."""

    def __init__(self, folder: Path, authority: Authority, url: str) -> None:
        self.folder, self.authority, self.url = folder, authority, url
        self.publication = Publication()
        self.roots = load_pem_x509_certificates((authority.folder / "ca.pem").read_bytes())
        self.ahead_us = 0
        self.hash_name = "sha256"
        self.restart()

    def restart(self) -> None:
        stamper = Stamper([self.url] * 2, roots=self.roots, hash_name=self.hash_name, wait=lambda _: None)
        settings = TimestampSettings(folder=self.folder, stamp=stamper, hash_name=self.hash_name, roots=self.roots)
        begun = int(self.authority.begun.timestamp() * 1e6)
        self.keeper = StampKeeper(ORIGIN, self.publication, settings, lambda: begun + self.ahead_us)

    def pass_days(self, days: float) -> None:
        self.ahead_us += int(days * DAY_S * 1e6)

    def last(self, size: int) -> Stamped:
        return self.keeper.archive.read(size)

    async def ask(self, from_size: int, count: int = 0) -> Sequence[ledger_pb2.StampedCheckpoint]:
        hosted = cast(
            "HostedLog", SimpleNamespace(store=None, vkeys=(), publication=self.publication, stamps=self.keeper)
        )
        request = ledger_pb2.GetTimestampsRequest(log=ORIGIN, from_size=from_size, count=count)
        answer = LedgerService({ORIGIN: hosted}).GetTimestamps(request, cast("Any", CONTEXT))
        return (await answer).stamped


CONTEXT = SimpleNamespace(
    auth_context=dict, time_remaining=lambda: 5.0, invocation_metadata=tuple, peer=lambda: "unix:"
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Authority, str]]:
    made = Authority(tmp_path_factory.mktemp("tsa"), days=DAYS)
    with serving(made) as url:
        yield made, url


@pytest.fixture
def ledger(tmp_path: Path, authority: tuple[Authority, str]) -> Ledger:
    return Ledger(tmp_path / "stamps", *authority)


async def test_one_checkpoint_a_day_by_every_authority_and_openssl_agrees(ledger: Ledger) -> None:
    assert ledger.keeper.turn() == []  # nothing is published
    ledger.publication.publish(5, b"note of 5")
    assert ledger.keeper.turn() == [5]
    ledger.publication.publish(9, b"note of 9")
    assert ledger.keeper.turn() == []
    ledger.restart()
    assert ledger.keeper.turn() == []
    ledger.pass_days(1.1)
    assert ledger.keeper.turn() == [9]
    ledger.pass_days(1.1)
    assert ledger.keeper.turn() == []  # the log has not grown
    assert [one.size for one in await ledger.ask(0, 16)] == [5, 9]
    assert [one.size for one in await ledger.ask(6)] == [9]
    assert not await ledger.ask(10)
    (told,) = await ledger.ask(5)
    assert told.checkpoint == b"note of 5"
    assert len(told.generations[0].tokens) == 2
    for path in ledger.folder.rglob("*.tsr"):
        stranger_verifies(ledger.authority, path, path.with_name("data"))


def test_when_one_authority_fails_nothing_is_kept_and_the_next_turn_asks_again(ledger: Ledger) -> None:
    ledger.publication.publish(5, b"note")
    ledger.authority.refusals = ATTEMPTS
    with pytest.raises(StampingError):
        ledger.keeper.turn()
    assert ledger.keeper.archive.sizes() == []
    assert ledger.keeper.turn() == [5]


def test_a_token_under_another_root_is_none(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    ledger.roots = load_pem_x509_certificates((Authority(tmp_path / "other").folder / "ca.pem").read_bytes())
    ledger.restart()
    ledger.publication.publish(5, b"note")
    with pytest.raises(StampingError, match="given root"):
        ledger.keeper.turn()


def test_tokens_are_renewed_before_their_certificate_ends(ledger: Ledger) -> None:
    ledger.publication.publish(5, b"note")
    ledger.keeper.turn()
    ledger.pass_days(DAYS - 95)
    assert ledger.keeper.turn() == []
    ledger.pass_days(10)
    ledger.restart()
    assert ledger.keeper.turn() == [5]
    assert ledger.keeper.turn() == [5]  # the authority's certificate is the same old one: it is renewed again
    stamped = ledger.last(5)
    assert [len(tokens) for tokens in stamped.generations] == [2, 2, 2]
    assert len(read_generations(stamped.note, stamped.generations, ledger.roots)) == 6
    for path in ledger.folder.rglob("*.tsr"):
        stranger_verifies(ledger.authority, path, path.with_name("data"))
    first, second, third = stamped.generations
    with pytest.raises(SignatureError, match="not over this file"):
        read_generations(stamped.note, (first, third, second), [])
    with pytest.raises(SignatureError, match="not over this file"):
        read_generations(stamped.note, (first[:1], second), [])
    with pytest.raises(SignatureError, match="not over this file"):
        read_generations(b"another note", stamped.generations, [])


def test_tokens_are_renewed_when_the_hash_is_to_change(ledger: Ledger) -> None:
    ledger.publication.publish(5, b"note")
    ledger.keeper.turn()
    ledger.hash_name = "sha512"
    ledger.restart()
    assert ledger.keeper.turn() == [5]
    assert ledger.keeper.turn() == []
    old, new = ledger.last(5).generations
    assert (read_token(old[0]).hash_name, read_token(new[0]).hash_name) == ("sha256", "sha512")


@pytest.mark.parametrize("left", ["5.1.new", "5.1.new/data", "5.1.new/1.tsr"])
def test_a_crash_while_writing_leaves_the_last_whole_generation(ledger: Ledger, left: str) -> None:
    ledger.publication.publish(5, b"note")
    ledger.keeper.turn()
    (folder,) = ledger.folder.iterdir()
    torn = folder / left
    (folder / "5.1.new").mkdir()
    if torn != folder / "5.1.new":
        torn.write_bytes(b"")
    ledger.hash_name = "sha512"
    ledger.restart()
    assert ledger.keeper.turn() == [5]
    assert sorted(path.name for path in folder.iterdir()) == ["5.0", "5.1"]


def test_a_missing_generation_is_told(tmp_path: Path) -> None:
    archive = StampArchive(tmp_path, ORIGIN)
    stamped = archive.add(Stamped(size=5, note=b"note", generations=()), [b"token"])
    assert archive.add(stamped, [b"renewal"]) == archive.read(5)
    (folder,) = tmp_path.iterdir()
    assert (folder / "5.1/data").read_bytes() == renewal_data(b"note", [[b"token"]])
    (folder / "5.0").rename(folder / "away")
    with pytest.raises(ArchiveDamaged):
        archive.sizes()


OPTIONS: list[tuple[Callable[[Path], dict[str, Any]], type[Exception]]] = [
    (lambda _: {"folder": None, "urls": ["http://x/"], "roots": []}, UsageError),
    (lambda path: {"folder": path, "urls": ["http://x/"], "roots": []}, UsageError),
]


@pytest.mark.parametrize(("said", "error"), OPTIONS)
def test_what_is_not_whole_is_refused(
    tmp_path: Path, said: Callable[[Path], dict[str, Any]], error: type[Exception]
) -> None:
    with pytest.raises(error):
        read_settings(**said(tmp_path), hash_name="sha256", every_s=1.0, renew_days=1.0)


def test_without_a_folder_there_are_no_settings() -> None:
    assert read_settings(None, [], [], "sha256", 1.0, 1.0) is None

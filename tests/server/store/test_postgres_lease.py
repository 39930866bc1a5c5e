"""One holder at a time, by the database's clock; and the next one knows where the holder is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from custody.server.store.postgres.directory import PostgresDirectory
from custody.server.store.postgres.lease import PostgresLease

TTL_S = 30.0

Leases = tuple[PostgresLease, PostgresLease]
Expire = Callable[[], Awaitable[str]]


@pytest.fixture
async def leases(postgres: PostgresDirectory, postgres_dsn: str) -> AsyncIterator[Leases]:
    """The leases of two processes on one log."""
    log = await postgres.create("ledger.example", ["x"], 1)
    second = await PostgresDirectory.connect(postgres_dsn)
    yield log.lease("one.example:7443"), (await second.open("ledger.example")).lease("two.example:7443")
    await second.close()


@pytest.fixture
async def expire(postgres_dsn: str) -> AsyncIterator[Expire]:
    """Lets time pass for the lease, without waiting."""
    connection = await asyncpg.connect(postgres_dsn)
    yield lambda: connection.execute("UPDATE log SET lease_until = clock_timestamp() - interval '1 ms'")
    await connection.close()


async def test_a_lease_is_granted_to_one(leases: Leases) -> None:
    one, two = leases
    assert (await two.leader()).address == ""
    assert await one.acquire(TTL_S) == 1
    assert await two.acquire(TTL_S) is None
    leader = await two.leader()
    assert (leader.address, leader.term) == ("one.example:7443", 1)
    assert 0 < leader.left_s <= TTL_S
    assert await one.renew(TTL_S)
    assert not await two.renew(TTL_S)


async def test_of_many_that_ask_at_once_one_is_granted(leases: Leases) -> None:
    granted = await asyncio.gather(*(lease.acquire(TTL_S) for lease in leases for _ in range(10)))
    assert [term for term in granted if term is not None] == [1]


async def test_a_lease_that_ended_goes_to_who_asks(leases: Leases, expire: Expire) -> None:
    one, two = leases
    await one.acquire(TTL_S)
    await expire()
    assert (await two.leader()).address == ""
    assert await two.acquire(TTL_S) == 2
    assert (await one.leader()).address == "two.example:7443"
    assert not await one.renew(TTL_S)  # it was paused, and wakes up
    assert one.term is None
    await one.release()  # and cannot take it from the other
    assert (await one.leader()).address == "two.example:7443"


async def test_a_late_renewal_is_good_while_nobody_else_was_granted_it(leases: Leases, expire: Expire) -> None:
    one, two = leases
    await one.acquire(TTL_S)
    await expire()
    assert await one.renew(TTL_S)
    assert await two.acquire(TTL_S) is None


async def test_a_released_lease_is_free_at_once(leases: Leases) -> None:
    one, two = leases
    await one.acquire(TTL_S)
    await one.release()
    assert (await two.leader()).address == ""
    assert not await one.renew(TTL_S)
    assert await two.acquire(TTL_S) == 2


def test_a_lease_needs_an_address() -> None:
    with pytest.raises(ValueError, match="address"):
        PostgresLease(None, 1, "")  # type: ignore[arg-type]

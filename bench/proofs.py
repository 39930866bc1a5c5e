"""`proofs`: inclusion, consistency and range proofs through gRPC, verified by the client, on a log of 100,000 entries."""

import asyncio
import random
import time

from bench.figures import Figure, figure, percentile
from bench.rig import ORIGIN, Rig, running, segment
from custody.client import LedgerClient

NAME = "proofs"
LONG = False
SIZE = 100_000


def run() -> list[Figure]:
    """Fills a log, then asks for proofs of random places."""
    with running() as rig:
        return asyncio.run(_measure(rig))


async def _measure(rig: Rig) -> list[Figure]:
    chooser = random.Random(7)
    async with await LedgerClient.connect(rig.target, log=ORIGIN, vkeys=[rig.vkey], timeout_s=120) as client:
        leaves: list[bytes] = []
        earlier = []
        for at in range(0, SIZE, 1_000):
            receipt = await client.append([segment("site-12/cam-00", at + one + 1) for one in range(1_000)])
            leaves.extend(receipt.leaves)
            earlier.append(receipt.checkpoint)
        figures = []
        times = []
        for _ in range(1_000):
            index = chooser.randrange(SIZE)
            begin = time.perf_counter()
            await client.prove_inclusion(index, leaves[index])
            times.append(time.perf_counter() - begin)
        figures += _rows("inclusion", times)
        times = []
        for _ in range(1_000):
            old = chooser.choice(earlier)
            begin = time.perf_counter()
            await client.prove_consistency(old)
            times.append(time.perf_counter() - begin)
        figures += _rows("consistency", times)
        begin = time.perf_counter()
        count = 0
        async for _ in client.read_chain_time("footage/site-12/cam-00", 0, 1 << 60):
            count += 1
        took = time.perf_counter() - begin
        figures.append(figure("entries of a chain read with proof", count / took, "entries/s"))
    return figures


def _rows(name: str, times: list[float]) -> list[Figure]:
    return [
        figure(f"{name} proof, one at a time", len(times) / sum(times), "proofs/s"),
        figure(f"{name} proof p99", percentile(times, 0.99) * 1e3, "ms"),
    ]

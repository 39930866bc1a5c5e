"""What probes hear of a log while it is loaded again."""

from __future__ import annotations

import asyncio
import tempfile

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.server.ledger_rig import ORIGIN, Fault, Rig, batch_of, segment

from custody.server.app import LedgerServer, Settings, _alone
from custody.server.sequencer import LedgerStopped

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def test_a_log_that_is_loaded_again_is_not_serving(rig: Rig) -> None:
    with tempfile.TemporaryDirectory(prefix="cy") as sockets:
        rig.start()
        await rig.crash()  # the server runs the sequencer itself
        hosted = rig.hosted()
        server = LedgerServer([hosted], Settings(listen=[f"unix:{sockets}/l"]))
        await server.start()
        writing = asyncio.create_task(_alone(server, hosted))
        async with grpc.aio.insecure_channel(f"unix:{sockets}/l") as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=ORIGIN))
            while (await watch.read()).status != SERVING:
                pass
            # A commit of unknown outcome: the log is loaded again, and the storage does not answer.
            rig.faults.waiting = [Fault("store.commit", False, "unknown"), Fault("store.state", False, "crash")]
            with pytest.raises(LedgerStopped):
                await rig.sequencer.submit(batch_of([segment(1)]))
            assert (await watch.read()).status == NOT_SERVING
            watch.cancel()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await server.stop()

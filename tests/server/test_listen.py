"""An address that another process has is named in one sentence, not as a fault of ours."""

import socket

import pytest

from custody.server.address import AddressError
from custody.server.app import LedgerServer, Settings


async def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        server = LedgerServer([], Settings(listen=(address,)))
        with pytest.raises(AddressError, match=f"cannot listen on {address}: another process") as caught:
            await server.start()
        assert caught.value.code == "address-unusable"
        await server.stop()

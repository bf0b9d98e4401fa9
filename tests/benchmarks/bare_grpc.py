"""`python -m tests.benchmarks.bare_grpc REDIS_URL`: a service of grpc.aio that does one XADD a call."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import grpc.aio
from redis.asyncio import Redis


async def main(redis_url: str) -> None:
    """Serve until the process ends."""
    redis: Any = Redis.from_url(redis_url)

    async def add(request: bytes, _: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        entry: bytes = await redis.xadd("bare", {"": request})
        return entry

    server = grpc.aio.server()
    handler = grpc.method_handlers_generic_handler("bare.Service", {"Add": grpc.unary_unary_rpc_method_handler(add)})
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

"""The queues of a template where they live, and the mappings that poll them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from aiohttp import web

from eventstore_dev.aws_names import ACCOUNT, queue_url
from eventstore_dev.queues.local import LocalQueues
from eventstore_dev.queues.mapping import Poller

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from eventstore_dev.addresses import Addresses
    from eventstore_dev.invocation import Limits
    from eventstore_dev.queues.broker import Broker
    from eventstore_dev.queues.declared import EventSourceMapping, Queue
    from eventstore_dev.queues.mapping import Target
    from eventstore_dev.queues.remote import RemoteQueues
    from eventstore_dev.terminal import Terminal

# What a test puts between a mapping and its queues.
Wrapping: TypeAlias = "Callable[[Broker], Broker]"


class Queues:
    """Serves the SQS API, and calls functions with messages.

    Args:
        targets: The functions, by logical id; the mapping may change meanwhile.
        addresses: Learns where the queues are.
        wrap: Makes another broker of the one that mappings poll.
    """

    def __init__(
        self,
        targets: Mapping[str, Target],
        *,
        addresses: Addresses,
        limits: Limits,
        terminal: Terminal,
        wrap: Wrapping | None = None,
    ) -> None:
        self._targets = targets
        self._addresses = addresses
        self._limits = limits
        self._terminal = terminal
        self._wrap = wrap
        self._local = LocalQueues()
        self._remote: RemoteQueues | None = None
        self._pollers: dict[EventSourceMapping, Poller] = {}
        self._retired: set[asyncio.Task[None]] = set()
        self._following: asyncio.Task[None] | None = None

    async def open(self, queues: Collection[Queue], mappings: Collection[EventSourceMapping]) -> None:
        """Lets mappings poll, as soon as their queues are there; local ones appear in the background.

        Raises:
            BrokerError: Queues live elsewhere, and cannot be created there.
        """
        if queues and self._addresses.elsewhere:
            # boto3 is for those only who have their queues elsewhere.
            from eventstore_dev.queues.remote import RemoteQueues  # noqa: PLC0415 - as said

            self._remote = RemoteQueues(self._addresses.elsewhere, threads=2 * len(mappings) + 2)
            urls = await self._remote.declare(queues)
            self._addresses.moved.update({queue.aws_url: urls[queue.name] for queue in queues})
            self._addresses.moved[queue_url("")] = next(iter(urls.values())).rpartition("/")[0] + "/"
            self._poll(self._remote, mappings)
        else:
            self.follow(queues, mappings)

    def follow(self, queues: Collection[Queue], mappings: Collection[EventSourceMapping]) -> None:
        """Takes in what the template says now. Queues that it has no more stay, with what is in them."""
        if self._remote is not None:
            if any(queue.aws_url not in self._addresses.moved for queue in queues):
                self._terminal.complain(
                    "New queues at another endpoint are created when the stack starts: start it again"
                )
            known = [one for one in mappings if one in self._pollers or self._remote.knows(one.queue)]
            self._poll(self._remote, known)
            return
        # What the URLs of all queues have in common, those included that no template has.
        self._addresses.moved[queue_url("")] = f"{self._addresses.stack}/{ACCOUNT}/"
        if queues or self._pollers:
            self._following = asyncio.create_task(self._follow(self._following, queues, mappings))
            self._following.add_done_callback(self._followed)

    async def serve(self, request: web.BaseRequest) -> web.Response:
        """Answers a request of the SQS API."""
        if self._remote is not None:
            return web.Response(status=421, text=f"The queues are at AWS_ENDPOINT_URL, {self._addresses.elsewhere}")
        return await self._local.serve(request)

    async def stop(self) -> None:
        """Ends polling and what it has under way."""
        tasks = [*self._retired, *([self._following] if self._following is not None else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for poller in self._pollers.values():
            await poller.stop()
        await self._local.stop()
        if self._remote is not None:
            await self._remote.stop()

    async def _follow(
        self,
        before: asyncio.Task[None] | None,
        queues: Collection[Queue],
        mappings: Collection[EventSourceMapping],
    ) -> None:
        if before is not None:
            # One that failed has been told of, and may be what this one mends.
            await asyncio.wait([before])
        self._poll(await self._local.declare(queues), mappings)

    def _followed(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._terminal.complain(f"The template's queues cannot be created, and nothing is polled: {error}")

    def _poll(self, broker: Broker, mappings: Collection[EventSourceMapping]) -> None:
        wanted = {mapping for mapping in mappings if mapping.enabled}
        for mapping in set(self._pollers) - wanted:
            retired = asyncio.create_task(self._pollers.pop(mapping).drain())
            self._retired.add(retired)
            retired.add_done_callback(self._retired.discard)
        for mapping in mappings:
            if mapping in wanted and mapping not in self._pollers:
                self._pollers[mapping] = Poller(
                    mapping,
                    broker=broker if self._wrap is None else self._wrap(broker),
                    target=self._targets[mapping.function],
                    limits=self._limits,
                    terminal=self._terminal,
                )

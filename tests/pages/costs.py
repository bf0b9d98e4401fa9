"""The tables of docs/operations/costs.md, computed from the prices and assumptions that it states."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from tests.pages.served import MONTH, costs_of, monthly, served, standing_of_server
from tests.pages.stacks import ENVIRONMENTS, HOURS, deployed_with, idle, standing
from tests.pages.tables import numbers, replaced, table
from tests.pages.usage import EVENT_GB, MILLION, Usage, pushed, used

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["monthly_of_functions", "reckoned"]

_SUBSCRIBERS = (0, 1, 100, 10_000)
_TOGETHER = (1, 100)
_MINUTES = 60 * HOURS
_RATES = (0.1, 1, 10, 100)
_MOST_MESSAGES = 100_000
"""A second, beyond which the tables say nothing."""

_NAMES = {
    "rest_requests": "REST requests",
    "websocket_messages": "WebSocket messages, each 32 KB begun",
    "lambda_requests": "Lambda requests",
    "gigabyte_seconds": "Lambda GB-seconds",
    "queue_requests": "SQS requests, each 64 KB begun",
    "gigabytes_out": "GB out",
    "gigabytes_to_queues": "GB to SQS, through the endpoint",
    "gigabytes_logged": "GB of logs",
}


def reckoned(page: str) -> str:
    """The page with recomputed tables."""
    prices, assumed = numbers(page, "Prices"), numbers(page, "Assumptions")
    cases = [(together, subscribers) for together in _TOGETHER for subscribers in _SUBSCRIBERS]
    usages = [used(subscribers, together, assumed) for together, subscribers in cases]
    head = ["", *(f"{subscribers:,}{', in hundreds' if together > 1 else ''}" for together, subscribers in cases)]
    page = replaced(page, "What a million events use", table(head, _uses(usages)))
    page = replaced(page, "What a million events cost", table(head, _costs(usages, prices)))
    page = replaced(page, "What there is to pay every month", table(["", "USD a month"], _monthly(prices, assumed)))
    compared = [number for number, (_, subscribers) in enumerate(cases) if subscribers]
    others = _others([cases[number] for number in compared], [usages[number] for number in compared], prices)
    page = replaced(
        page, "What a million events cost on the server", table(head, _served(cases, usages, prices, assumed))
    )
    columns = ["events a second", *(f"{n:,}: {way}" for n in _SUBSCRIBERS for way in ("functions", "server"))]
    page = replaced(page, "A month of each way", table(columns, _months(prices, assumed)))
    page = replaced(page, "Beside other services", table(["", *(head[number + 1] for number in compared)], others))
    head = ["", "one by one", "in hundreds"]
    return replaced(page, "Rules", table(head, _rules([pushed(together, assumed) for together in _TOGETHER], prices)))


def _uses(usages: Sequence[Usage]) -> list[list[str]]:
    return [[_NAMES[field.name], *(_figure(getattr(usage, field.name)) for usage in usages)] for field in fields(Usage)]


def _cost(usage: Usage, prices: Mapping[str, float]) -> dict[str, float]:
    return {
        "REST requests": usage.rest_requests * prices["a million REST requests"] / MILLION,
        "WebSocket messages": usage.websocket_messages * prices["a million WebSocket messages"] / MILLION,
        "Lambda": usage.lambda_requests * prices["a million Lambda requests"] / MILLION
        + usage.gigabyte_seconds * prices["a million Lambda GB-seconds, arm64"] / MILLION,
        "SQS, and the endpoint to it": usage.queue_requests * prices["a million SQS requests, FIFO"] / MILLION
        + usage.gigabytes_to_queues * prices["a GB through a VPC endpoint"],
        "logs": usage.gigabytes_logged * prices["a GB of logs"],
        "data out": usage.gigabytes_out * prices["a GB out to the internet"],
    }


def _costs(usages: Sequence[Usage], prices: Mapping[str, float]) -> list[list[str]]:
    costs = [_cost(usage, prices) for usage in usages]
    lines = [[name, *(_dollars(cost[name]) for cost in costs)] for name in costs[0]]
    return [*lines, ["**together**", *(f"**{_dollars(sum(cost.values()))}**" for cost in costs)]]


def _served(
    cases: Sequence[tuple[int, int]],
    usages: Sequence[Usage],
    prices: Mapping[str, float],
    assumed: Mapping[str, float],
) -> list[list[str]]:
    costs = [costs_of(served(subscribers, together, assumed), prices, assumed) for together, subscribers in cases]
    lines = [[name, *(_dollars(cost[name]) for cost in costs)] for name in costs[0]]
    functions = [sum(_cost(usage, prices).values()) for usage in usages]
    return [
        *lines,
        ["**together**", *(f"**{_dollars(sum(cost.values()))}**" for cost in costs)],
        ["by the functions", *map(_dollars, functions)],
    ]


def _months(prices: Mapping[str, float], assumed: Mapping[str, float]) -> list[list[str]]:
    lines = []
    for rate in _RATES:
        cells = []
        for subscribers in _SUBSCRIBERS:
            if rate * subscribers > _MOST_MESSAGES:
                cells += ["", ""]
                continue
            ways = (monthly_of_functions, monthly)
            cells += [f"{way(rate, subscribers, prices, assumed):,.0f}" for way in ways]
        lines.append([f"{rate:g}", *cells])
    return lines


def monthly_of_functions(
    rate: float, subscribers: int, prices: Mapping[str, float], assumed: Mapping[str, float]
) -> float:
    """As `served.monthly`, by the functions and API Gateway."""
    usage = used(subscribers, 1, assumed)
    events = sum(_cost(usage, prices).values()) - usage.gigabytes_out * prices["a GB out to the internet"]
    return events * rate * MONTH / MILLION + subscribers * _connection(prices, assumed)


def _connection(prices: Mapping[str, float], assumed: Mapping[str, float]) -> float:
    """A month of an open connection of API Gateway, with its pings."""
    pings = 2 * _MINUTES * 60 / assumed["a ping comes every, s"]
    return (
        _MINUTES * prices["a million WebSocket connection minutes"] + pings * prices["a million WebSocket messages"]
    ) / MILLION


def _monthly(prices: Mapping[str, float], assumed: Mapping[str, float]) -> list[list[str]]:
    stacks = {"without parameters": deployed_with()} | {f"`{name}`": deployed_with(name) for name in ENVIRONMENTS}
    lines = {
        **standing(prices, assumed),
        **standing_of_server(prices, assumed),
        **{f"a whole stack, {name}": idle(parameters, prices, assumed) for name, parameters in stacks.items()},
        "the metrics of each durable subscription": 6 * prices["a month of a metric"],
        "each connection that stays": _MINUTES * prices["a million WebSocket connection minutes"] / MILLION,
        "and its pings": 2
        * _MINUTES
        * 60
        / assumed["a ping comes every, s"]
        * prices["a million WebSocket messages"]
        / MILLION,
    }
    return [[name, f"{cost:,.4f}" if cost < 1 else _dollars(cost)] for name, cost in lines.items()]


def _others(cases: Sequence[tuple[int, int]], usages: Sequence[Usage], prices: Mapping[str, float]) -> list[list[str]]:
    hub = [
        sum(_cost(usage, prices).values()) - usage.gigabytes_out * prices["a GB out to the internet"]
        for usage in usages
    ]
    # At most five events are published at once, and each is delivered separately.
    appsync = [
        (1 / min(together, 5) + subscribers) * prices["a million operations of AppSync Events"]
        for together, subscribers in cases
    ]
    bridge = [
        prices["a million events into EventBridge"] + subscribers * prices["a million calls of API destinations"]
        for _, subscribers in cases
    ]
    kinesis = [
        prices["a million PUT units of Kinesis"] + subscribers * 0.8 * prices["a GB out of Kinesis, enhanced fan-out"]
        for _, subscribers in cases
    ]
    lines = {"this hub": hub, "AppSync Events": appsync, "EventBridge": bridge, "Kinesis": kinesis}
    return [[name, *map(_dollars, costs)] for name, costs in lines.items()]


def _rules(usages: Sequence[Usage], prices: Mapping[str, float]) -> list[list[str]]:
    lines = [line for line in _costs(usages, prices) if set(line[1:]) != {"0.00"}]
    # A million events into the topic, and from there into a queue each; they are received and deleted by tens.
    requests = 1 + 2 / 10
    fifo = (
        prices["a million events into SNS FIFO"]
        + prices["a million events from SNS FIFO into a queue"]
        + EVENT_GB * (prices["a GB into SNS FIFO"] + prices["a GB from SNS FIFO"])
        + requests * prices["a million SQS requests, FIFO"]
    )
    others = {"EventBridge": prices["a million events into EventBridge"], "SNS FIFO and SQS FIFO": fifo}
    return [*lines, *([name, *[_dollars(cost)] * len(usages)] for name, cost in others.items())]


def _dollars(cost: float) -> str:
    return f"{cost:,.2f}" if cost < 100 else f"{cost:,.0f}"


def _figure(number: float) -> str:
    if number < 1:
        return f"{number:.3f}"
    return f"{number:,.1f}" if number < 100 else f"{number:,.0f}"

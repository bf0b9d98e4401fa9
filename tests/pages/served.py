"""The cost of the server on Fargate, and of the functions beside it, from the same events."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from tests.pages.usage import MILLION, delivered

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MONTH", "Served", "monthly", "served", "standing_of_server"]

MONTH = 730 * 3600
"""Seconds."""

_HOURS = 730
_EVENT_IN_GB = 0.7
"""A million events, as they are published."""

_ENDPOINTS, _ZONES = 4, 2
_DOORS = 2
"""A connection of a client is one to the load balancer and one to a task."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the server uses for a million events.

    Attributes:
        processor_hours: Of tasks.
        gigabytes: Through the load balancer, in and out.
        gigabytes_out: To clients.
    """

    processor_hours: float
    gigabytes: float
    gigabytes_out: float


def served(subscribers: int, together: int, assumed: Mapping[str, float]) -> Served:
    """What is used for a number of subscribers of every event, and a number of events in each publish."""
    posted = delivered(subscribers, together)
    works = (
        assumed["the server: a publish works"]
        + assumed["the server: a publish works, for each event"] * together
        + assumed["the server: a turn works"]
        + assumed["the server: a turn works, for each event"] * together
        + assumed["the server: a turn works, for each message"] * posted.messages
        + assumed["the server: a turn works, for each KB of messages"] * posted.size / 1000
    )
    turns = MILLION / together
    out = turns * posted.size / 10**9
    return Served(turns * works / 1000 / 3600, _EVENT_IN_GB + out, out)


def task_hour(prices: Mapping[str, float], assumed: Mapping[str, float]) -> float:
    """The price of a task for an hour: one processor, and its memory."""
    memory = assumed["the server: memory of a task, MB"] / 1024
    return (
        prices["an hour of a processor of Fargate, arm64"]
        + memory * prices["an hour of a GB of memory of Fargate, arm64"]
    )


def costs_of(usage: Served, prices: Mapping[str, float], assumed: Mapping[str, float]) -> dict[str, float]:
    """The price of a million events, of tasks that are as busy as scaling lets them be."""
    busy = assumed["the server: a task is busy, at most"]
    return {
        "tasks": usage.processor_hours / busy * task_hour(prices, assumed),
        "load balancer": usage.gigabytes * prices["an hour of a capacity unit of a load balancer"],
        "data out": usage.gigabytes_out * prices["a GB out to the internet"],
    }


def standing_of_server(prices: Mapping[str, float], assumed: Mapping[str, float]) -> Mapping[str, float]:
    """What the server costs in a month if nothing happens, by the piece."""
    return {
        "the server: two tasks": 2 * _HOURS * task_hour(prices, assumed),
        "its load balancer": _HOURS * prices["an hour of a load balancer"],
        "its four endpoints, in two zones": _ENDPOINTS
        * _ZONES
        * _HOURS
        * prices["an hour of a VPC endpoint in a zone"],
        "its alarms": assumed["metrics that the alarms of the server watch"]
        * prices["a month of a metric that an alarm watches"],
    }


def monthly(rate: float, subscribers: int, prices: Mapping[str, float], assumed: Mapping[str, float]) -> float:
    """The price of a month in which events are published at a steady rate, one by one, without data out.

    Args:
        rate: Events a second.
        subscribers: Connections, each with a subscription that matches every event.
        prices: In dollars.
        assumed: What is assumed.
    """
    usage, millions = served(subscribers, 1, assumed), rate * MONTH / MILLION
    processors = usage.processor_hours * millions / _HOURS
    tasks = max(
        2,
        ceil(processors / assumed["the server: a task is busy, at most"]),
        ceil(subscribers / assumed["the server: connections of a task"]),
    )
    # The dimension that is used most is billed.
    units = max(
        usage.gigabytes * millions / _HOURS,
        _DOORS * subscribers / assumed["connections of a capacity unit"],
    )
    idle = standing_of_server(prices, assumed)
    return (
        sum(idle.values())
        + (tasks - 2) * _HOURS * task_hour(prices, assumed)
        + units * _HOURS * prices["an hour of a capacity unit of a load balancer"]
    )

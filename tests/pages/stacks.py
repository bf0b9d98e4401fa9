"""The cost of an idle stack, from the parameters of its deployment."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore_dev.template_file import load
from tests.pages.usage import MILLION

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENVIRONMENTS", "HOURS", "deployed_with", "idle", "standing"]

HOURS = 730
"""In a month."""

ENVIRONMENTS = ("dev", "prod", "trial")
"""Of samconfig.toml."""

_MINUTES = 60 * HOURS
_ROOT = Path(__file__).parents[2]

_NODES = {
    "cache.r7g.large": ("an hour of a cache.r7g.large, Valkey", "an hour of its synchronous durability"),
    "cache.m7g.large": (
        "an hour of a cache.m7g.large, Valkey",
        "an hour of synchronous durability of a cache.m7g.large",
    ),
}


def deployed_with(environment: str | None = None) -> Mapping[str, str]:
    """The parameters of the template: its defaults, overridden by samconfig.toml for an environment."""
    parameters = load(_ROOT / "template.yaml")["Parameters"]
    defaults = {name: str(about["Default"]) for name, about in parameters.items()}
    if environment is None:
        return defaults
    deploy = tomllib.loads((_ROOT / "samconfig.toml").read_text())[environment]["deploy"]["parameters"]
    return defaults | dict(override.split("=", 1) for override in deploy["parameter_overrides"])


def standing(prices: Mapping[str, float], assumed: Mapping[str, float]) -> Mapping[str, float]:
    """The fixed price of each resource, in dollars a month."""
    polls = assumed["pollers of a queue"] * _MINUTES * 60 / assumed["a poll waits, s"]
    snapshots = assumed["memory of all functions with SnapStart, MB"] / 1024 * HOURS * 3600
    return {
        "a shard of the cache: two nodes, durable": 2 * _node("cache.r7g.large", prices),
        "the least of a serverless cache": HOURS
        * assumed["metered of a serverless cache at least, GB"]
        * prices["a GB-hour of ElastiCache Serverless, Valkey"],
        "the endpoint of SQS, in each zone": prices["an hour of a VPC endpoint in a zone"] * HOURS,
        "polling the three queues": polls
        * (2 * prices["a million SQS requests, FIFO"] + prices["a million SQS requests, standard"])
        / MILLION,
        "the sweep, every minute": _sweeps(prices, assumed),
        "SnapStart, of one version of each function": snapshots
        * prices["a million GB-seconds of a SnapStart snapshot"]
        / MILLION,
        "the alarms": assumed["metrics that the alarms watch"] * prices["a month of a metric that an alarm watches"],
        "the dashboard": prices["a month of a dashboard"],
    }


def idle(parameters: Mapping[str, str], prices: Mapping[str, float], assumed: Mapping[str, float]) -> float:
    """The price of a whole stack with its own cache, in dollars a month.

    The alarms are counted as those of two nodes. The metrics of routes that are used, and snapshots, are left out.
    """
    pieces = standing(prices, assumed)
    if parameters["Cache"] == "serverless":
        cache = pieces["the least of a serverless cache"]
    else:
        nodes = int(parameters["CacheShards"]) * (1 + int(parameters["CacheReplicas"]))
        cache = nodes * _node(parameters["CacheNodeType"], prices)
    zones = int(parameters["AvailabilityZones"]) if parameters["SqsEndpointZones"] == "all" else 1
    always = pieces["polling the three queues"] + pieces["the sweep, every minute"]
    snapshots = pieces["SnapStart, of one version of each function"] if parameters["SnapStart"] == "true" else 0.0
    watching = pieces["the alarms"] + pieces["the dashboard"] if parameters["Alarms"] == "true" else 0.0
    return cache + zones * pieces["the endpoint of SQS, in each zone"] + always + snapshots + watching


def _node(kind: str, prices: Mapping[str, float]) -> float:
    """The price of a durable node for a month."""
    return HOURS * sum(prices[name] for name in _NODES[kind])


def _sweeps(prices: Mapping[str, float], assumed: Mapping[str, float]) -> float:
    """The price of a month of sweeps of an empty store on a serverless cache, with their metric."""
    seconds = assumed["memory of sweep, MB"] / 1024 * assumed["a sweep takes"] / 1000
    logged = assumed["logged of a call, bytes"] + assumed["logged of a sweep, bytes"]
    each = (
        prices["a million Lambda requests"]
        + seconds * prices["a million Lambda GB-seconds, arm64"]
        + assumed["a sweep asks of a serverless cache, ECPUs"]
        * prices["a million ECPUs of ElastiCache Serverless, Valkey"]
        + logged / 1000 * prices["a GB of logs"]
    ) / MILLION
    return _MINUTES * each + prices["a month of a metric"]

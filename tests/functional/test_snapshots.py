"""The content of a snapshot of a started function, and what each restored environment creates for itself."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.retries.standard import ExponentialBackoff
from redis.backoff import ExponentialWithJitterBackoff

from functions.authorizer import app as authorizer
from functions.hub import hub
from tests.fresh import forget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROOT = Path(__file__).parents[2]

# Everything that functions keep is in such a cache, or belongs to a client. (urllib3 opens a socket to detect IPv6, and
# closes it.)
_STARTED = """
import functools, gc, json, sys
sys.path[:0] = json.loads(sys.argv[2])
called = []
sys.addaudithook(lambda event, _: called.append(event) if event in {"socket.connect", "socket.getaddrinfo"} else None)
__import__(f"functions.{sys.argv[1]}.app")
gc.collect()
caches = [cache for cache in gc.get_objects() if isinstance(cache, functools._lru_cache_wrapper)]
ours = [cache for cache in caches if cache.__module__.partition(".")[0] in {"eventstore", "functions"}]
full = [f"{cache.__module__}.{cache.__name__}" for cache in ours if cache.cache_info().currsize]
clients = {"BaseClient", "Connection", "ConnectionPool", "Redis", "RedisCluster", "Session", "socket"}
alive = {kind.__name__ for item in gc.get_objects() for kind in type(item).__mro__} & clients
print(json.dumps({"called": called, "alive": sorted(alive), "full": full, "caches": len(ours)}))
"""


@pytest.mark.parametrize("function", ["authorizer", "console", "deliver", "dispatch", "rest", "sweep", "websocket"])
def test_a_start_connects_to_nothing_and_keeps_nothing(function: str) -> None:
    paths = json.dumps([str(_ROOT), str(_ROOT / "layers/eventstore")])
    answer = subprocess.run(
        [sys.executable, "-c", _STARTED, function, paths], check=True, capture_output=True, text=True
    )
    state = json.loads(answer.stdout)
    assert state.pop("caches")
    assert state == {"called": [], "alive": [], "full": []}


@pytest.fixture(name="restored")
def restored_(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], Any]], None]]:
    """A function that puts the process into the state of a snapshot, and then does what a first request does."""
    before = random.getstate()
    snapshot = random.Random(1).getstate()
    monkeypatch.setenv("AUTH", "key")
    monkeypatch.setenv("API_KEYS_SECRET", "keys")

    def restore(first: Callable[[], Any]) -> None:
        forget()
        authorizer.credential_checker.cache_clear()
        random.setstate(snapshot)
        first()

    yield restore
    random.setstate(before)
    forget()
    authorizer.credential_checker.cache_clear()


@pytest.mark.parametrize("first", [hub, authorizer.credential_checker], ids=["hub", "authorizer"])
@pytest.mark.parametrize(
    "pause",
    [
        random.random,
        lambda: ExponentialWithJitterBackoff(base=0.02, cap=0.5).compute(3),
        lambda: ExponentialBackoff().delay_amount(SimpleNamespace(attempt_number=3, http_response=None)),
    ],
    ids=["deliverer", "redis", "botocore"],
)
def test_environments_of_one_snapshot_pause_for_different_times(
    restored: Callable[[Callable[[], Any]], None], first: Callable[[], Any], pause: Callable[[], float]
) -> None:
    restored(first)
    first_pause = pause()
    restored(first)
    assert pause() != first_pause

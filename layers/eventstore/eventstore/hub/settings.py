"""The settings of a deployment: read once from the environment, then passed on as a value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.errors import SettingsError, TargetNotAllowed
from eventstore.hub.allowed_targets import AllowedTargets
from eventstore.hub.archive_url import ArchiveUrl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.subscriptions import Target

__all__ = ["ANY_ORIGIN", "Settings"]

ANY_ORIGIN = "*"

_LEVELS = ("INFO", "DEBUG", "WARNING", "ERROR")
_REDIS_URL = "redis://127.0.0.1:6379"
_NATS_URL = "nats://127.0.0.1:4222"
_JOURNAL = "eventstore"
_KAFKA_BROKERS = "127.0.0.1:9092"
_BACKENDS = ("redis", "nats", "kafka")
_REPLICAS = ("1", "3", "5")
_SWITCH = ("false", "true")
_AUTHS = ("none", "iam", "jwt", "key")
_PARAMETERS = {
    "lambda": "parameter TargetFunctions",
    "sqs": "parameter TargetQueues",
    "http": "parameter TargetUrls",
    "eventbridge": "parameter TargetBuses",
}
_SECONDS = re.compile(r"[0-9]{1,9}")
_TOPIC_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,150}")
_JOURNAL_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_ORIGIN = re.compile(r"null|[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:([0-9]{1,5}|\*))?")
"""An origin as browsers send it (RFC 6454, 6.2), or one with any port."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a deployment.

    Attributes:
        backend: Where events are kept (`BACKEND`): in the store, or in a journal of which the store is an index.
        redis_url: The address of the store (`REDIS_URL`, docs/operations.md), which may include a password.
        partitions: The number of partitions (`PARTITIONS`); None accepts that of the store, and 16 for a new one.
        shards: The number of shards of connections (`SHARDS`); None accepts that of the store, and 16 for a new one.
        log_level: The lowest severity that is logged (`LOG_LEVEL`).
        bells_url: The dispatch queue (`BELLS_QUEUE_URL`); empty disables live delivery.
        deliveries_url: The queue of deliveries (`DELIVERIES_QUEUE_URL`).
        pushes_url: The queue of pushes to targets (`PUSHES_QUEUE_URL`); empty if there are no targets.
        alarms_url: The queue of delayed requests for turns (`ALARMS_QUEUE_URL`).
        letters_url: The queue of dead letters (`DEAD_LETTERS_QUEUE_URL`).
        connections_url: The address of the @connections API of the WebSocket API (`CONNECTIONS_URL`).
        rest_url: The URL before `/api/v1` that clients use (`REST_URL`), for references to single events.
        auth: How callers are authorized (`AUTH`): not at all, by IAM, or by the authorizer with tokens or keys.
        allowed_origins: The origins whose pages may read responses of the REST API (`ALLOWED_ORIGINS`); `*` is any.
        targets: The targets that durable subscriptions may have (`TARGETS`).
        nats_url: The servers of the journal on NATS, and who connects (`NATS_URL`); it may have a password.
        nats_replicas: On how many of them each record is kept (`NATS_REPLICAS`).
        kafka_brokers: The brokers of the journal on Kafka, and who connects (`KAFKA_BROKERS`); it may have a password.
        kafka_replicas: On how many of them each record is kept (`KAFKA_REPLICAS`).
        kafka_events_topic: The topic of Kafka that has the events for other programs (`KAFKA_EVENTS_TOPIC`); empty for
            none.
        journal: The beginning of the names of what the hub makes in the journal (`JOURNAL`).
        archive: Where events are archived (`ARCHIVE_URL`); None if they are not.
        hot_window: How long events stay in memory, in seconds; older ones are in the archive alone (`HOT_WINDOW`). None
            if all stay.
        loopback_targets: Whether URLs of this machine may be targets, by `http` as well (`LOOPBACK_TARGETS`). For
            development only.
    """

    backend: str
    redis_url: str = field(repr=False)
    partitions: int | None
    shards: int | None
    log_level: str
    bells_url: str
    deliveries_url: str
    alarms_url: str
    letters_url: str
    connections_url: str
    rest_url: str
    auth: str = "none"
    allowed_origins: tuple[str, ...] = ()
    pushes_url: str = ""
    targets: AllowedTargets = field(default=AllowedTargets())
    loopback_targets: bool = False
    nats_url: str = field(default=_NATS_URL, repr=False)
    nats_replicas: int = 1
    kafka_brokers: str = field(default=_KAFKA_BROKERS, repr=False)
    kafka_replicas: int = 1
    kafka_events_topic: str = ""
    journal: str = _JOURNAL
    archive: ArchiveUrl | None = None
    hot_window: int | None = None

    @property
    def authorizes(self) -> bool:
        """Whether the authorizer of the gateway passes on the access of callers."""
        return self.auth in {"jwt", "key"}

    def require_target(self, target: Target) -> None:
        """Raise `TargetNotAllowed` unless durable subscriptions may have this target."""
        if not self.pushes_url:
            raise TargetNotAllowed(
                "this deployment pushes to no targets: PUSHES_QUEUE_URL is unset; "
                f"{_PARAMETERS[target.kind]} of the template sets it",
                pointer="/target",
            )
        if not self.targets.allows(target):
            raise TargetNotAllowed(
                f"{target.kind} target {target.address[:200]!r} is not among the allowed targets; "
                f"{_PARAMETERS[target.kind]} of the template lists them (TARGETS)",
                pointer="/target",
            )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings. An empty variable counts as unset; then the first allowed value is the default.

        Raises:
            SettingsError: A variable has an invalid value.
        """
        return cls(
            backend=_one_of(environment, "BACKEND", _BACKENDS),
            redis_url=_redis_url(environment.get("REDIS_URL") or _REDIS_URL),
            partitions=_number(environment, "PARTITIONS"),
            shards=_number(environment, "SHARDS"),
            log_level=_one_of(environment, "LOG_LEVEL", _LEVELS),
            bells_url=environment.get("BELLS_QUEUE_URL", ""),
            deliveries_url=environment.get("DELIVERIES_QUEUE_URL", ""),
            alarms_url=environment.get("ALARMS_QUEUE_URL", ""),
            letters_url=environment.get("DEAD_LETTERS_QUEUE_URL", ""),
            connections_url=environment.get("CONNECTIONS_URL", ""),
            rest_url=environment.get("REST_URL", "").rstrip("/"),
            auth=_one_of(environment, "AUTH", _AUTHS),
            allowed_origins=_origins(environment.get("ALLOWED_ORIGINS") or ""),
            pushes_url=environment.get("PUSHES_QUEUE_URL", ""),
            targets=AllowedTargets.parse(environment.get("TARGETS") or ""),
            loopback_targets=_one_of(environment, "LOOPBACK_TARGETS", _SWITCH) == "true",
            nats_url=environment.get("NATS_URL") or _NATS_URL,
            nats_replicas=int(_one_of(environment, "NATS_REPLICAS", _REPLICAS)),
            kafka_brokers=environment.get("KAFKA_BROKERS") or _KAFKA_BROKERS,
            kafka_replicas=int(_one_of(environment, "KAFKA_REPLICAS", _REPLICAS)),
            kafka_events_topic=_events_topic(environment),
            journal=_journal(environment.get("JOURNAL") or _JOURNAL),
            archive=ArchiveUrl.parse(url) if (url := environment.get("ARCHIVE_URL")) else None,
            hot_window=_hot_window(environment),
        )


def _one_of(environment: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = environment.get(name) or allowed[0]
    if value not in allowed:
        raise SettingsError(f"{name} is {value!r}; it is one of {', '.join(allowed)}")
    return value


def _redis_url(value: str) -> str:
    if not value.startswith(("redis://", "rediss://")):
        # The message must not repeat the value, which may include a password.
        raise SettingsError("REDIS_URL starts with something else than redis:// or rediss://")
    return value


def _journal(value: str) -> str:
    if not _JOURNAL_NAME.fullmatch(value):
        raise SettingsError(f"JOURNAL is {value[:80]!r}; it takes 1 to 64 letters, digits and underscores")
    return value


def _events_topic(environment: Mapping[str, str]) -> str:
    name = environment.get("KAFKA_EVENTS_TOPIC", "")
    if not name:
        return ""
    if not _TOPIC_NAME.fullmatch(name):
        raise SettingsError(
            f"KAFKA_EVENTS_TOPIC is {name[:80]!r}; it takes 1 to 150 letters, digits, dots, underscores and hyphens"
        )
    if (backend := environment.get("BACKEND") or _BACKENDS[0]) != "kafka":
        raise SettingsError(
            f"KAFKA_EVENTS_TOPIC is {name!r}, and BACKEND is {backend!r}: only a hub with BACKEND=kafka writes such a "
            "topic; unset KAFKA_EVENTS_TOPIC"
        )
    if name == (environment.get("JOURNAL") or _JOURNAL):
        raise SettingsError(
            f"KAFKA_EVENTS_TOPIC is {name!r}, which is the topic of the journal (JOURNAL); name another topic"
        )
    return name


def _hot_window(environment: Mapping[str, str]) -> int | None:
    value = environment.get("HOT_WINDOW")
    if not value:
        return None
    if not _SECONDS.fullmatch(value):
        raise SettingsError(f"HOT_WINDOW is {value[:80]!r}; it is a whole number of seconds, of at most 9 digits")
    if not environment.get("ARCHIVE_URL"):
        raise SettingsError(
            f"HOT_WINDOW is {value}, and ARCHIVE_URL is unset: events leave memory only where they are archived; "
            "set ARCHIVE_URL, or unset HOT_WINDOW"
        )
    if (backend := environment.get("BACKEND") or _BACKENDS[0]) != "redis":
        raise SettingsError(
            f"HOT_WINDOW is {value}, and BACKEND is {backend!r}: there, the bodies of events are in the journal, "
            "and not in memory; unset HOT_WINDOW"
        )
    return int(value)


def _origins(value: str) -> tuple[str, ...]:
    origins = tuple(part.strip() for part in value.split(",") if part.strip())
    for origin in origins:
        if origin != ANY_ORIGIN and not _ORIGIN.fullmatch(origin):
            raise SettingsError(
                f"ALLOWED_ORIGINS has {origin[:80]!r}; it takes origins such as https://app.example or "
                "http://localhost:*, separated by commas, or *"
            )
    return origins


def _number(environment: Mapping[str, str], name: str) -> int | None:
    value = environment.get(name)
    if not value:
        return None
    if not value.isdecimal() or not 1 <= int(value) <= 9999:  # noqa: PLR2004 - the bound stands in the message
        raise SettingsError(f"{name} is {value!r}; it is a whole number from 1 to 9999")
    return int(value)

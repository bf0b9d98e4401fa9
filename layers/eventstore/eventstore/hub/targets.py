"""The targets of rules: those that a deployment lets rules have, and what calls them."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING

from eventstore.durable.target_headers import check_headers
from eventstore.durable.target_urls import UrlRules
from eventstore.ports.secrets import SecretUnavailable
from eventstore.ports.targets import TargetUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.adapters.aws.environment import AwsEnvironment
    from eventstore.adapters.kafka.events_topic import EventsTopic
    from eventstore.frames.pushes import Push, PushedEvent
    from eventstore.hub.allowed_targets import AllowedTargets
    from eventstore.hub.settings import Settings
    from eventstore.ports import Clock, Refusal, Secrets, SigningKey, TargetAdapter
    from eventstore.subscriptions import Target

__all__ = ["ConfinedTarget", "DeferredSecrets", "MissingTarget", "NoPushes", "TargetAdapters", "require_target"]

_LOGGER = logging.getLogger(__name__)

# ruff: noqa: PLC0415 - imports are local to each kind: a process that calls no URLs imports nothing for them


def require_target(settings: Settings, target: Target) -> None:
    """Raise unless a rule may have a target.

    Args:
        settings: The settings of the deployment.
        target: The target.

    Raises:
        TargetNotAllowed: The deployment does not push to it.
        InvalidTarget: Its URL or one of its headers violates a rule.
    """
    settings.require_target(target)
    if target.kind == "http":
        _url_rules(settings).check(target.address, pointer="/target/http")
        check_headers(target.headers, pointer="/target/headers")


class TargetAdapters:
    """The adapters of targets by kind. Each is built at its first use, and kept.

    Args:
        settings: The settings of the deployment.
        aws: Returns where calls of AWS go, and what they are signed with.
        clock: The clock.
    """

    def __init__(self, settings: Settings, *, aws: Callable[[], AwsEnvironment], clock: Clock) -> None:
        self._settings = settings
        self._aws = aws
        self._clock = clock

    def of(self, kind: str) -> TargetAdapter:
        """Return the adapter of a kind of target.

        Raises:
            ValueError: This version of the hub does not know the kind.
        """
        if kind == "kafka":
            # It allows the one topic that the deployment names.
            return self.events_topic or MissingTarget("KAFKA_EVENTS_TOPIC names no topic any more")
        try:
            adapter = self._of(kind)
        except ModuleNotFoundError as error:
            adapter = MissingTarget(f"{kind} targets need {error.name}, which is not installed")
        return ConfinedTarget(adapter, self._settings.targets)

    @cached_property
    def events_topic(self) -> EventsTopic | None:
        """The topic of Kafka that has the events for other programs, if the deployment has one."""
        from eventstore.hub.journals import events_topic_of

        return events_topic_of(self._settings)

    def close(self) -> None:
        """Close the connections of the topic. Those of other targets end with the process."""
        if (topic := vars(self).get("events_topic")) is not None:
            topic.close()

    def _of(self, kind: str) -> TargetAdapter:
        match kind:
            case "lambda":
                return self._lambda
            case "sqs":
                return self._sqs
            case "eventbridge":
                return self._eventbridge
            case "http":
                return self._http
            case _:
                raise ValueError("the kind of the target is not known to this version")

    @cached_property
    def _lambda(self) -> TargetAdapter:
        from eventstore.adapters.aws.calls import lambda_target_calls
        from eventstore.adapters.aws.lambda_target import LambdaTarget

        return LambdaTarget(lambda_target_calls(self._aws()))

    @cached_property
    def _sqs(self) -> TargetAdapter:
        from eventstore.adapters.aws.calls import sqs_target_calls
        from eventstore.adapters.aws.sqs_target import SqsTarget

        return SqsTarget(sqs_target_calls(self._aws()))

    @cached_property
    def _eventbridge(self) -> TargetAdapter:
        from eventstore.adapters.aws.calls import eventbridge_target_calls
        from eventstore.adapters.aws.eventbridge_target import EventBridgeTarget

        return EventBridgeTarget(eventbridge_target_calls(self._aws()))

    @cached_property
    def _http(self) -> TargetAdapter:
        from eventstore.adapters.http.target import HttpTarget

        secrets = DeferredSecrets(self._secrets)
        return HttpTarget(rules=_url_rules(self._settings), secrets=secrets, clock=self._clock)

    def _secrets(self) -> Secrets:
        from eventstore.adapters.aws.calls import secrets_calls
        from eventstore.adapters.aws.secrets import SecretsManagerSecrets

        return SecretsManagerSecrets(secrets_calls(self._aws()), clock=self._clock)


class ConfinedTarget:
    """Calls the targets that the deployment allows, and no others. See `ports.TargetAdapter`.

    A rule keeps its target when the settings change, so they are asked at every call.

    Args:
        adapter: Calls the targets.
        allowed: The targets that the deployment allows.
    """

    def __init__(self, adapter: TargetAdapter, allowed: AllowedTargets) -> None:
        self._adapter = adapter
        self._allowed = allowed

    def push(
        self, target: Target, events: Sequence[PushedEvent], *, attempt: int, timeout_ms: int
    ) -> Mapping[int, Refusal]:
        """See `TargetAdapter.push`."""
        if not self._allowed.allows(target):
            raise TargetUnavailable("this deployment does not push to the target any more (TARGETS)")
        return self._adapter.push(target, events, attempt=attempt, timeout_ms=timeout_ms)


class MissingTarget:
    """See `ports.TargetAdapter`: in place of an adapter whose libraries are not installed.

    Args:
        reason: What is missing.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def push(
        self,
        target: Target,  # noqa: ARG002 - no target can be called
        events: Sequence[PushedEvent],  # noqa: ARG002 - as above
        *,
        attempt: int,  # noqa: ARG002 - as above
        timeout_ms: int,  # noqa: ARG002 - as above
    ) -> Mapping[int, Refusal]:
        """See `TargetAdapter.push`."""
        raise TargetUnavailable(self._reason)


class DeferredSecrets:
    """See `ports.Secrets`. A process whose targets have no secrets needs no libraries of AWS.

    Args:
        secrets: Returns what reads secrets, when one is first needed.
    """

    def __init__(self, secrets: Callable[[], Secrets]) -> None:
        self._build = secrets

    @cached_property
    def _secrets(self) -> Secrets:
        return self._build()

    def get(self, name: str) -> Sequence[SigningKey]:
        """See `Secrets.get`."""
        try:
            secrets = self._secrets
        except ModuleNotFoundError as error:
            raise SecretUnavailable(f"secrets need {error.name}, which is not installed") from error
        return secrets.get(name)


class NoPushes:
    """See `ports.Pushes`: in place of the queue where there is none.

    The pushes of rules that a deployment with targets left behind are dropped, as if the queue had lost them. The hub
    makes them again after a while; an error would stop the turns of all other subscriptions of the partition.
    """

    def send(self, pushes: Sequence[Push]) -> None:
        """See `Pushes.send`."""
        for name in sorted({push.subscription for push in pushes}):
            _LOGGER.warning("rule %s waits: this deployment pushes to no targets (PUSHES_QUEUE_URL is unset)", name)


def _url_rules(settings: Settings) -> UrlRules:
    return UrlRules(allow_loopback=settings.loopback_targets)

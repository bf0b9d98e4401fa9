"""The deliver function: posts frames to clients. It holds no state, and knows neither store nor subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore import bootstrap
from functions.queues import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["handler"]

bootstrap.preload(*bootstrap.DELIVERER, *bootstrap.QUEUES)


def handler(event: Mapping[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Deliver a batch, in order."""
    return in_order(event, context, bootstrap.deliverer().deliver)

"""What of a template has no counterpart here: it is made on AWS, and passed over by the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore_dev.aws_names import QUEUE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eventstore_dev.cloudformation import Document

__all__ = ["PassedOver", "find_passed_over"]

# By what name a kind of resource may have properties in `Globals`.
_GLOBALS = {
    "AWS::Serverless::Function": "Function",
    "AWS::Serverless::Api": "Api",
    "AWS::Serverless::WebSocketApi": "WebSocketApi",
}
_APIS = "AWS::ApiGatewayV2::"
# The kinds of resources that are emulated, and of each the properties that count. Those that only say something to
# people are not missed. What `unsupported` refuses is not passed over.
_READ: Mapping[str, str] = {
    "AWS::Serverless::Function": (
        "AutoPublishAlias CodeUri Environment Events FunctionName FunctionUrlConfig Handler Layers MemorySize "
        "PackageType ReservedConcurrentExecutions Runtime Timeout"
    ),
    "AWS::Serverless::LayerVersion": "ContentUri LayerName CompatibleRuntimes CompatibleArchitectures",
    "AWS::Serverless::Api": "Auth BinaryMediaTypes DefinitionBody DefinitionUri Name StageName",
    "AWS::Serverless::WebSocketApi": "Auth Name RouteSelectionExpression Routes StageName",
    f"{_APIS}Api": "Name ProtocolType RouteSelectionExpression",
    f"{_APIS}Stage": "ApiId AutoDeploy StageName",
    f"{_APIS}Integration": "ApiId IntegrationType IntegrationUri TimeoutInMillis",
    f"{_APIS}Route": (
        "ApiId ApiKeyRequired AuthorizationType AuthorizerId RouteKey RouteResponseSelectionExpression Target"
    ),
    f"{_APIS}RouteResponse": "ApiId RouteId RouteResponseKey",
    f"{_APIS}Authorizer": "ApiId AuthorizerType AuthorizerUri Name",
    QUEUE: (
        "ContentBasedDeduplication DeduplicationScope DelaySeconds FifoQueue FifoThroughputLimit MaximumMessageSize "
        "MessageRetentionPeriod QueueName ReceiveMessageWaitTimeSeconds RedrivePolicy VisibilityTimeout"
    ),
}
_FOR_PEOPLE = frozenset({"Description", "Tags"})
_SECTIONS = ("Hooks", "Outputs", "Rules")


class PassedOver:
    """What is passed over, in the lines that say so.

    Args:
        resources: Logical ids, by the kind of resource.
        properties: Names of properties, by the kind of an emulated resource.
        sections: Of the template.
    """

    def __init__(
        self,
        resources: Mapping[str, list[str]],
        properties: Mapping[str, set[str]],
        sections: tuple[str, ...],
    ) -> None:
        self._resources = resources
        self._properties = properties
        self._sections = sections

    def lines(self, *, verbose: bool = False) -> Iterator[str]:
        """Yield a line for the sections, one for the resources and one for the properties.

        Args:
            verbose: Whether resources are named, rather than counted.
        """
        if self._sections:
            yield f"Passed over, sections: {', '.join(self._sections)}"
        if self._resources:
            yield f"Passed over, resources: {', '.join(self._named(verbose=verbose))}"
        if self._properties:
            of_kinds = (f"{', '.join(sorted(names))} of {kind}" for kind, names in sorted(self._properties.items()))
            yield f"Passed over, properties: {'; '.join(of_kinds)}"

    def _named(self, *, verbose: bool) -> Iterator[str]:
        for kind, names in sorted(self._resources.items()):
            yield f"{kind} ({', '.join(names)})" if verbose else f"{len(names)} {kind}"


def find_passed_over(document: Document) -> PassedOver:
    """Return everything of a template that the stack takes no notice of."""
    resources: dict[str, list[str]] = {}
    properties: dict[str, set[str]] = {}
    for resource in document.resources.values():
        if resource.kind not in _READ:
            resources.setdefault(resource.kind, []).append(resource.name)
            continue
        general = document.globals(_GLOBALS[resource.kind]) if resource.kind in _GLOBALS else {}
        unread = {*general, *resource.properties} - {*_READ[resource.kind].split()} - _FOR_PEOPLE
        if unread:
            properties.setdefault(resource.kind, set()).update(unread)
    return PassedOver(resources, properties, tuple(name for name in _SECTIONS if document.has(name)))

"""CloudEvents 1.0.2: the JSON format, the JSON batch format and the HTTP protocol binding.

Decoding is strict: an event that breaks the specification is refused, with the place and the rule.
Encoding is lossless: attributes, and data of any media type, are returned as they were received.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eventstore.cloudevents.attributes import validated
    from eventstore.cloudevents.http_binding import from_http, text_to_http, to_http
    from eventstore.cloudevents.json_format import (
        attributes_of,
        batch_from_json,
        data_of,
        from_json,
        recorded_attributes,
        same_content,
    )

__all__ = [
    "attributes_of",
    "batch_from_json",
    "data_of",
    "from_http",
    "from_json",
    "recorded_attributes",
    "same_content",
    "text_to_http",
    "to_http",
    "validated",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any name of these modules
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Imported when a name is used: of this package, the client needs `json_text` alone.
    from eventstore.cloudevents import attributes, http_binding, json_format  # noqa: PLC0415 - see above

    return next(vars(module)[name] for module in (attributes, http_binding, json_format) if name in module.__all__)

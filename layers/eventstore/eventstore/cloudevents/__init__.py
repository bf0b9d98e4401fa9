"""CloudEvents 1.0.2 in and out: the JSON format, the JSON batch format and the HTTP protocol binding.

Reading is strict: what the specification forbids is refused, with the place and the rule.
Writing is faithful: attributes, and data of any media type, come back as they went in.
"""

from __future__ import annotations

from eventstore.cloudevents.attributes import validated
from eventstore.cloudevents.http_binding import from_http, to_http
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
    "to_http",
    "validated",
]

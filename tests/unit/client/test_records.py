from __future__ import annotations

import json

from eventstore_client.cli.records import details

_TEXT = "a\u2028b\u2029c\x85d"
"""Characters at which lines of text may end, and which JSON has within strings as they are."""


def test_a_record_is_one_line_of_ndjson_whatever_its_texts_hold() -> None:
    [line] = details({"label": _TEXT}, output="ndjson")
    assert json.loads(line) == {"label": _TEXT}


def test_a_text_of_json_stays_as_it_is() -> None:
    lines = [
        *details({"stream": "wf"}, output="json", texts={"event": json.dumps({"data": _TEXT}, ensure_ascii=False)})
    ]
    assert json.loads("\n".join(lines)) == {"stream": "wf", "event": {"data": _TEXT}}

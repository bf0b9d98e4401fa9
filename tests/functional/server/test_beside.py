"""What the tests of functions and instances on one store rely on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.server.beside import Answers, Queues


def test_a_delayed_message_arrives_after_a_hub_that_used_the_queues_was_closed() -> None:
    queues = Queues()
    queues.call("SendMessage", QueueUrl="ALARMS", MessageBody="later", DelaySeconds=0.05)
    queues.close()
    assert queues._queues["BELLS"].get(timeout=20) == "later"


def test_an_answer_that_fails_fails_the_test() -> None:
    class Failing:
        def answer(self, text: str) -> None:
            raise RuntimeError(text)

    answers, client = Answers(), Failing()
    failing: Any = client
    answers.submit(failing, "why")
    answers.close()
    with pytest.raises(RuntimeError, match="why"):
        answers.require_success()
    answers.submit(failing, "once closed")

from __future__ import annotations

from eventstore.hub.backends import CAPABILITIES, PROMISES, WITH_SETTING, capabilities_of
from eventstore.hub.settings import Settings


def test_each_backend_says_of_each_promise_whether_it_keeps_it() -> None:
    for name, kept in CAPABILITIES.items():
        assert capabilities_of(Settings.from_environment({"BACKEND": name})) == kept
        assert list(kept) == list(PROMISES)


def test_a_promise_that_a_setting_asks_for_is_kept_with_it_alone() -> None:
    for (backend, promise), setting in WITH_SETTING.items():
        assert not CAPABILITIES[backend][promise]
        with_setting = Settings.from_environment({"BACKEND": backend, setting: "orders"})
        assert capabilities_of(with_setting) == {**CAPABILITIES[backend], promise: True}

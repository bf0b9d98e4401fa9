"""`eventstore export` and `import`, on every endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore_client.cli.main import main
from tests.e2e.live import event

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.e2e.hubs import Hub


def test_exported_events_are_imported_once_and_in_their_order(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in hub.environment.items():
        monkeypatch.setenv(name, value)
    file = str(tmp_path / "events.ndjson.gz")
    with hub.client() as store:
        store.publish_all(event(number, stream=f"wf-{number % 3}") for number in range(1, 1_301))
        before = {name: [one.id for one in store.read(name)] for name in ("wf-0", "wf-1", "wf-2")}

        assert main(["export", file]) == 0
        assert "exported 1,300 events of 3 streams" in capsys.readouterr().err
        assert main(["import", file]) == 0
        assert "0 new, 1,300 duplicates" in capsys.readouterr().err
        store.streams.delete("wf-1")
        assert main(["import", file]) == 0
        assert f"{len(before['wf-1'])} new" in capsys.readouterr().err
        assert {name: [one.id for one in store.read(name)] for name in before} == before

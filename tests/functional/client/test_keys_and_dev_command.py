"""`eventstore keys` and `eventstore dev`."""

from __future__ import annotations

import json
import stat
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventstore.access import Access, Scope
from eventstore.errors import SettingsError
from eventstore_client.cli.arguments import parser
from eventstore_client.cli.dev_command import run_dev
from eventstore_client.cli.key_documents import SCOPES, check_entries
from eventstore_client.cli.main import main
from eventstore_client.errors import BadInput
from functions.authorizer.keys import ApiKeys, entries_of

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "0" * 64


def keys(*arguments: str) -> int:
    return main(["keys", *arguments])


class TestKeys:
    def test_a_hub_accepts_a_created_key(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path, created = tmp_path / "keys.json", []
        for name in ("one", "two"):
            options = ["--scopes", "publish, read", "--tenants", "acme", "--expires", "2999-01-01T00:00:00Z"]
            assert keys("create", name, *options, "--into", str(path)) == 0
            printed = capsys.readouterr()
            created.append(printed.err.split()[-1])
            assert created[-1] not in printed.out + path.read_text()
            assert json.loads(printed.out) == json.loads(path.read_text())["keys"][-1]

        hub = ApiKeys(path.read_text)
        assert created[0] != created[1]
        assert [hub.access(key) for key in created] == [
            Access.of(name, [Scope.PUBLISH, Scope.READ], tenants=["acme"]) for name in ("one", "two")
        ]

    def test_a_script_gets_key_and_entry(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert keys("create", "billing", "--scopes", "read", "--output", "json") == 0

        printed = capsys.readouterr()
        created = json.loads(printed.out)
        document = json.dumps({"keys": [created["entry"]]})
        assert ApiKeys(lambda: document).access(created["key"]).subject == "billing"
        assert printed.err == ""

    def test_a_new_file_is_its_owners_and_another_keeps_its_mode(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.json"
        keys("create", "one", "--scopes", "read", "--into", str(path))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o640)

        keys("create", "two", "--scopes", "read", "--into", str(path))

        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert [child.name for child in tmp_path.iterdir()] == ["keys.json"]

    def test_keys_are_listed_without_hashes_and_removed(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = str(tmp_path / "keys.json")
        for name in ("one", "two"):
            keys("create", name, "--scopes", "read", "--into", path)
        capsys.readouterr()

        keys("list", path, "--output", "json")
        assert json.loads(capsys.readouterr().out) == [{"id": name, "scopes": ["read"]} for name in ("one", "two")]
        assert keys("remove", "one", path) == 0
        keys("list", path)
        assert "sha256" not in (printed := capsys.readouterr().out)
        assert [line.split()[0] for line in printed.splitlines()[2:]] == ["two"]

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["create", "one", "--scopes", "read", "--into", "{}"], "two keys have the same id"),
            (["create", "x", "--scopes", "read", "--tenants", "a:b"], "tenants must have names of"),
            (["remove", "oen", "{}"], "has no key 'oen'; did you mean one?"),
            (["list", "{}.json"], "does not exist; `eventstore keys create"),
        ],
    )
    def test_what_is_invalid_is_named_and_changes_nothing(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
    ) -> None:
        path = tmp_path / "keys.json"
        keys("create", "one", "--scopes", "read", "--into", str(path))
        before = path.read_bytes()
        capsys.readouterr()

        assert keys(*(argument.replace("{}", str(path)) for argument in arguments)) == 1

        printed = capsys.readouterr()
        assert reason in printed.err
        assert "fes_" not in printed.err + printed.out
        assert path.read_bytes() == before

    @pytest.mark.parametrize(
        "options",
        [
            ["--scopes", "reed"],
            ["--scopes", ""],
            ["--scopes", "read,,admin"],
            ["--scopes", "read", "--tenants", " "],
            ["--scopes", "read", "--streams", "a,"],
            ["--scopes", "read", "--expires", "tomorrow"],
            ["--scopes", "read", "--expires", ""],
            ["--scopes", "read", "--into", ""],
            [],
        ],
        ids=str,
    )
    def test_an_option_that_is_invalid_is_wrong_usage(
        self, options: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            keys("create", "billing", *options)

        assert ended.value.code == 2
        assert "fes_" not in "".join(capsys.readouterr())

    def test_the_scopes_are_those_of_the_hub(self) -> None:
        assert {*SCOPES} == {*Scope}

    @given(
        st.lists(
            st.one_of(
                st.fixed_dictionaries(
                    {
                        "id": st.sampled_from(["a", "b", "", "x" * 257, 7]),
                        "sha256": st.sampled_from([DIGEST, "1" * 64, "A"]),
                    },
                    optional={
                        "scopes": st.sampled_from([["read"], [], "read", [1]]),
                        "tenants": st.sampled_from([["a"], [], ["a:b"], None, "a", ["t"] * 51, ["é"]]),
                        "streams": st.sampled_from([["a:b"], [""], [1], ["s" * 200] * 21, ["s" * 200] * 20]),
                        "expires": st.sampled_from(["2027-01-01T00:00:00Z", "2027-01-01", "", None]),
                        "more": st.just(1),
                    },
                ),
                st.just(1),
            ),
            max_size=2,
        )
    )
    @example([{"id": "a", "sha256": DIGEST, "streams": ["s" * 200] * 21}])
    @example([{"id": "a", "sha256": DIGEST, "tenants": ["t"] * 51}])
    def test_the_client_accepts_the_documents_that_the_hub_accepts(self, entries: list[Any]) -> None:
        try:
            entries_of(json.dumps({"keys": entries}))
            is_accepted_by_hub = True
        except SettingsError:
            is_accepted_by_hub = False
        try:
            check_entries(entries)
            is_accepted = True
        except ValueError:
            is_accepted = False

        assert is_accepted == is_accepted_by_hub


class TestDev:
    def test_the_hub_replaces_the_command(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "template.yaml").touch()
        monkeypatch.chdir(tmp_path)
        executed: list[tuple[str, list[str]]] = []

        options = parser().parse(["dev", "--port", "9000", "--parameter", "A=1", "--parameter", "B=2", "--verbose"])
        run_dev(options, execute=lambda path, arguments: executed.append((path, arguments)))

        [(path, arguments)] = executed
        assert path == sys.executable
        assert arguments[1:3] == ["-m", "eventstore_dev"]
        assert arguments[3:] == ["--port", "9000", "--parameter", "A=1", "--parameter", "B=2", "--verbose"]

    def test_without_the_hub_the_error_says_how_to_get_it(self) -> None:
        with pytest.raises(BadInput, match="is not installed in this environment: clone the repository"):
            run_dev(parser().parse(["dev"]), program="eventstore_dev_that_is_not_there")

    def test_without_a_template_the_error_says_where_to_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)

        assert main(["dev"]) == 1
        assert "template.yaml: is not there; run the command in a checkout" in capsys.readouterr().err

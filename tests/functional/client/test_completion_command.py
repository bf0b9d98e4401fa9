"""`eventstore completion`: what bash, zsh and fish offer."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from eventstore_client.cli.arguments import parser
from eventstore_client.cli.completion import completion_script
from eventstore_client.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

OUTPUTS = ["json", "ndjson", "table"]
CASES = [
    (["strea"], ["streams"]),
    (["streams", ""], ["change", "create", "delete", "fork", "list", "show"]),
    (["streams", "li"], ["list"]),
    (["read", "--output", ""], OUTPUTS),
    (["streams", "list", "--output", "n"], ["ndjson"]),
    (["streams", "list", "--pre"], ["--prefix"]),
    (["rules", "create", "x", "--mode", "b"], ["batched", "binary"]),
    (["read", "--stream", "pub"], []),
    (["read", "wf", "--token-f"], ["--token-file"]),
    (["completion", ""], ["bash", "fish", "zsh"]),
    (["publish", "streams", "--exp"], ["--expected"]),
    (["streams", "list", "--url", "publish", "--exp"], []),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    for shell in ("bash", "zsh", "fish"):
        (folder / shell).write_text("\n".join(completion_script(parser(), shell)) + "\n")
    (folder / "keys.json").touch()
    (folder / "a folder").mkdir()
    return folder


def bash(folder: Path, words: list[str]) -> list[str]:
    """What bash offers for the last of the words."""
    listed = " ".join(f"'{word}'" for word in ["eventstore", *words])
    program = (
        f". ./bash; COMP_WORDS=({listed}); COMP_CWORD={len(words)}; _eventstore; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    offered = subprocess.run(["bash", "--norc", "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    assert offered.stderr == ""
    return sorted(offered.stdout.split("\n")[:-1]) if offered.stdout.strip() else []


@pytest.mark.parametrize(("words", "offered"), CASES, ids=str)
def test_bash_offers_what_may_follow(folder: Path, words: list[str], offered: list[str]) -> None:
    assert bash(folder, words) == offered


def test_bash_offers_values_behind_an_equals_sign(folder: Path) -> None:
    assert bash(folder, ["read", "--output", "=", "n"]) == ["ndjson"]
    assert bash(folder, ["read", "--output", "="]) == OUTPUTS


def test_bash_offers_files_where_a_file_stands(folder: Path) -> None:
    assert bash(folder, ["load", "ke"]) == ["keys.json"]
    assert bash(folder, ["load", "a"]) == ["a folder"]
    assert bash(folder, ["read", "--token-file", "k"]) == ["keys.json"]
    assert bash(folder, ["read", "ke"]) == []


def typed(command: list[str], setup: str, *, folder: Path) -> str:
    """What an interactive shell prints when a command line is typed with tabs."""
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "PS1": "$ ", "TERM": "dumb", "HOME": str(folder)}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as shell:
        os.close(theirs)
        os.write(ours, f'{setup}; eventstore() {{ echo "<$*>"; }}; echo "re"ady\n'.encode())
        printed = b""
        with suppress(OSError):
            while b"ready" not in printed:
                printed += os.read(ours, 4096)
            os.write(ours, b"eventstore strea\tli\t--outp\tnd\t; exit\n")
            while chunk := os.read(ours, 4096):
                printed += chunk
        shell.wait(20)
    os.close(ours)
    return printed.decode()


def test_bash_completes_what_is_typed(folder: Path) -> None:
    printed = typed(["bash", "--norc", "--noprofile", "-i"], ". ./bash", folder=folder)

    assert "<streams list --output ndjson>" in printed


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish")
@pytest.mark.parametrize(("words", "offered"), CASES, ids=str)
def test_fish_offers_what_may_follow(folder: Path, words: list[str], offered: list[str]) -> None:
    line = " ".join(["eventstore", *words])
    printed = subprocess.run(
        ["fish", "--no-config", "-c", f"source ./fish; complete -C {line!r}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(line.split("\t")[0] for line in printed.stdout.splitlines()) == offered


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
def test_zsh_completes_what_is_typed(folder: Path) -> None:
    printed = typed(["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D; . ./zsh", folder=folder)

    assert "<streams list --output ndjson>" in printed


def test_the_scripts_of_zsh_and_fish_have_all_commands_and_options(folder: Path) -> None:
    zsh, fish = (folder / "zsh").read_text(), (folder / "fish").read_text()

    assert zsh.startswith("#compdef eventstore\n")
    for leaf in parser().leaves():
        path = leaf.prog.removeprefix("eventstore ")
        assert f"'{path}') " in zsh
        for option in leaf._option_string_actions:
            if option.startswith("--"):
                assert f"'{option}:" in zsh
                assert f"-n '__eventstore_at {path}' -l {option[2:]} " in fish


def test_no_help_text_ends_a_quotation(folder: Path) -> None:
    for shell in ("zsh", "fish"):
        for line in (folder / shell).read_text().splitlines():
            assert line.count("'") % 2 == 0, line


def test_the_command_prints_the_script(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    assert capsys.readouterr().out == (folder / "bash").read_text()


def test_a_reader_that_closes_the_pipe_ends_the_command_as_sigpipe_does() -> None:
    program = "PYTHONUNBUFFERED=1 eventstore completion bash | (exec 0<&-); exit ${PIPESTATUS[0]}"
    eventstore = f"eventstore() {{ '{sys.executable}' -m eventstore_client \"$@\"; }}; "
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        ["bash", "-c", eventstore + program], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (141, "")


def test_a_closed_output_is_reported() -> None:
    for command in (["doctor", "--url", "http://127.0.0.1:9"], ["completion", "bash"]):
        done = subprocess.run(
            [sys.executable, "-m", "eventstore_client", *command],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            preexec_fn=lambda: os.close(1),
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (1, "eventstore: standard output is closed\n")


def test_a_table_is_printed_where_the_encoding_lacks_its_lines() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eventstore_client", "context", "list"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.startswith(b"current  name")

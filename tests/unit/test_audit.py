"""The audit of dependencies, with a program in place of pip-audit whose output the test chooses."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import pytest

from tests.audit import Audit

_ROOT = Path(__file__).parents[2]
_PROGRAM = """
import json, sys, time
from pathlib import Path
options = dict(zip(sys.argv[1:], sys.argv[2:]))
file, service = options["--requirement"], options["--vulnerability-service"]
script = json.loads(Path(__file__).with_suffix(".json").read_text())
Path(__file__).with_suffix(".log").open("a").write(json.dumps([service, file, sys.argv[1:]]) + chr(10))
kind = "known" if "jinja2==2.4.1" in Path(file).read_text() else file
if kind == "known" and len(Path(__file__).with_suffix(".log").read_text().splitlines()) > 2:
    kind = "known later"
code, answer = script.get(f"{service} {kind}", script.get(kind, [1, "ERROR: no service"]))
if answer == "hang":
    time.sleep(60)
said = isinstance(answer, dict)
print(json.dumps(answer) if said else answer, file=sys.stdout if said else sys.stderr)
sys.exit(code)
"""
_BAD = {"id": "PYSEC-1", "fix_versions": ["2"], "aliases": [], "description": ""}
_KNOWN = [1, {"dependencies": [{"name": "jinja2", "version": "2.4.1", "vulns": [_BAD]}]}]
_BLIND = [0, {"dependencies": [{"name": "jinja2", "skip_reason": "Dependency not found on PyPI"}]}]
_CLEAN = [0, "No known vulnerabilities found"]
_VULNERABLE = [1, {"dependencies": [{"name": "a", "version": "1", "vulns": [_BAD]}, {"name": "b", "version": "1"}]}]
_BROKEN = [1, "ERROR: b has no hash"]


class Auditor:
    def __init__(self, folder: Path) -> None:
        self._program = folder / "pip_audit.py"
        self._program.write_text(_PROGRAM)
        self.file = folder / "requirements.txt"
        self.file.write_text("a==1\n")

    def run(self, answers: dict[str, object], *, tools: bool = False, ignored: dict[str, str] | None = None) -> int:
        self._program.with_suffix(".json").write_text(json.dumps(answers))
        audit = Audit((sys.executable, str(self._program)), ignored=ignored or {}, answer_seconds=2.0)
        return audit.run([] if tools else [str(self.file)], tools=[str(self.file)] if tools else [])

    @property
    def asked(self) -> list[tuple[str, str, list[str]]]:
        return [tuple(json.loads(line)) for line in self._program.with_suffix(".log").read_text().splitlines()]


@pytest.fixture
def auditor(tmp_path: Path) -> Auditor:
    return Auditor(tmp_path)


def test_packages_without_known_vulnerabilities_pass(auditor: Auditor, capsys: pytest.CaptureFixture[str]) -> None:
    assert auditor.run({"known": _KNOWN, str(auditor.file): _CLEAN}) == 0
    assert capsys.readouterr().out == f"{auditor.file}: nothing known to be vulnerable\n"


def test_a_vulnerable_package_fails_by_name(auditor: Auditor, capsys: pytest.CaptureFixture[str]) -> None:
    assert auditor.run({"known": _KNOWN, str(auditor.file): _VULNERABLE}) == 1
    assert capsys.readouterr().out == f"{auditor.file}: a 1: PYSEC-1, fixed in 2\n"


def test_a_vulnerability_of_a_tool_is_reported_and_passes(auditor: Auditor, capsys: pytest.CaptureFixture[str]) -> None:
    assert auditor.run({"known": _KNOWN, str(auditor.file): _VULNERABLE}, tools=True) == 0
    assert "PYSEC-1, fixed in 2 (of tools: not failed)" in capsys.readouterr().out


def test_a_package_that_the_service_does_not_know_fails(auditor: Auditor, capsys: pytest.CaptureFixture[str]) -> None:
    assert auditor.run({"known": _KNOWN, str(auditor.file): _BLIND}) == 1
    assert "jinja2: Dependency not found on PyPI" in capsys.readouterr().out


def test_a_file_that_cannot_be_audited_fails_with_the_reason(
    auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert auditor.run({"known": _KNOWN, "known later": _KNOWN, str(auditor.file): _BROKEN}) == 1
    assert "ERROR: b has no hash" in capsys.readouterr().out


@pytest.mark.parametrize("answer", [[1, "ERROR: no connection"], [1, "hang"], _BLIND, _CLEAN])
def test_without_a_service_the_audit_is_skipped_visibly(
    auditor: Auditor, capsys: pytest.CaptureFixture[str], answer: object
) -> None:
    assert auditor.run({"known": answer, str(auditor.file): _VULNERABLE}) == 0
    assert capsys.readouterr().out.startswith("== The audit of dependencies is skipped: neither pypi nor osv tells of")
    assert [service for service, *_ in auditor.asked] == ["pypi", "osv"]


def test_the_second_service_is_asked_when_the_first_does_not_answer(auditor: Auditor) -> None:
    assert auditor.run({"osv known": _KNOWN, f"osv {auditor.file}": _VULNERABLE}) == 1
    assert [service for service, *_ in auditor.asked] == ["pypi", "osv", "osv"]


def test_a_service_that_goes_away_meanwhile_skips_the_rest(
    auditor: Auditor, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = {"known": _KNOWN, "known later": _BLIND, str(auditor.file): _BROKEN}
    assert auditor.run(answers) == 0
    assert capsys.readouterr().out.startswith("== The audit of dependencies is skipped from ")


def test_an_ignored_vulnerability_is_not_asked_for(auditor: Auditor) -> None:
    auditor.run({"known": _KNOWN, str(auditor.file): _CLEAN}, ignored={"PYSEC-1": "not reached"})
    arguments = auditor.asked[-1][2]
    assert arguments[arguments.index("--ignore-vuln") + 1] == "PYSEC-1"


def test_hashes_are_required_of_audited_files(auditor: Auditor) -> None:
    auditor.run({"known": _KNOWN, str(auditor.file): _CLEAN})
    assert "--require-hashes" in auditor.asked[-1][2]


def test_each_vulnerability_that_is_ignored_has_a_reason() -> None:
    ignored = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["eventstore"]["audit"]["ignored"]
    assert [vulnerability for vulnerability, reason in ignored.items() if not reason.strip()] == []


def test_every_file_of_pins_is_audited() -> None:
    makefile = (_ROOT / "Makefile").read_text()
    [target] = [part for part in makefile.split("\n\n") if part.startswith("audit:")]
    files = {*_ROOT.glob("requirements*.txt"), *_ROOT.glob("layers/*/requirements.txt")}
    named = {path for pattern in target.split() if "requirements" in pattern for path in _ROOT.glob(pattern)}
    assert named == files

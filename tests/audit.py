"""Audits pinned packages for known vulnerabilities: `python -m tests.audit FILE... [--tools FILE...]`.

A finding fails, unless `[tool.eventstore.audit.ignored]` in pyproject.toml has a reason for it. Findings in files of
tools, which have an environment of their own and are in no deployment, are reported and do not fail.

Where no service of known vulnerabilities answers, it says so and does not fail: a build is not to depend on someone
else's machine. Whether one answers is found by asking for a package that is known to be vulnerable, for a mirror may
answer and know nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Audit", "main"]

_PROGRAM = (sys.executable, "-m", "pip_audit")
_SERVICES = ("pypi", "osv")
# Published in 2010; its vulnerabilities will not be withdrawn.
_VULNERABLE = "jinja2==2.4.1"


@dataclass(frozen=True, slots=True)
class Audit:
    """Audits files of requirements with pip-audit.

    Args:
        program: What runs it.
        ignored: Ids of vulnerabilities that are no findings, and why.
        answer_seconds: The timeout of a service for one package.
        audit_seconds: How long it may take for a file.
    """

    program: Sequence[str] = _PROGRAM
    ignored: Mapping[str, str] = field(default_factory=dict)
    answer_seconds: float = 8.0
    audit_seconds: float = 300.0

    def run(self, files: Sequence[str], *, tools: Sequence[str] = ()) -> int:
        """Print the findings, and return the exit code."""
        service = next((service for service in _SERVICES if self._is_usable(service)), None)
        if service is None:
            asked = " nor ".join(_SERVICES)
            print(
                f"== The audit of dependencies is skipped: neither {asked} tells of {_VULNERABLE}, which is vulnerable"
            )
            return 0
        failed = False
        for file in (*files, *tools):
            try:
                findings = list(self._findings(service, file))
            except _NotAuditedError as error:
                if not self._is_usable(service):
                    print(f"== The audit of dependencies is skipped from {file} on: {service} does not answer any more")
                    break
                findings = [str(error)]
            summary = "nothing known to be vulnerable" if not findings else "; ".join(findings)
            print(f"{file}: {summary}" + (" (of tools: not failed)" if findings and file in tools else ""))
            failed |= bool(findings) and file not in tools
        return int(failed)

    def _is_usable(self, service: str) -> bool:
        """Whether the service answers, and knows a known vulnerability."""
        with tempfile.TemporaryDirectory() as folder:
            known = Path(folder, "requirements.txt")
            known.write_text(f"{_VULNERABLE}\n")
            # With an empty cache, so that the service has to answer now.
            options = ("--no-deps", "--cache-dir", folder)
            try:
                packages = self._asked(service, str(known), *options, seconds=self.answer_seconds)
            except _NotAuditedError:
                return False
        return any(package.get("vulns") for package in packages)

    def _findings(self, service: str, file: str) -> Iterator[str]:
        ignoring = [option for vulnerability in self.ignored for option in ("--ignore-vuln", vulnerability)]
        for package in self._asked(service, file, "--require-hashes", *ignoring, seconds=self.audit_seconds):
            if "skip_reason" in package:
                yield f"{package['name']}: {package['skip_reason']}"
            for known in package.get("vulns", ()):
                fixed = ", ".join(known["fix_versions"]) or "no version"
                yield f"{package['name']} {package['version']}: {known['id']}, fixed in {fixed}"

    def _asked(self, service: str, file: str, *options: str, seconds: float) -> list[dict[str, Any]]:
        """The findings of pip-audit.

        Raises:
            _NotAuditedError: It says nothing.
        """
        command = [*self.program, "--vulnerability-service", service, "--requirement", file, "--disable-pip"]
        command += ["--format", "json", "--progress-spinner", "off", "--timeout", "5", *options]
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise _NotAuditedError(f"no answer within {seconds:.0f} s") from None
        if done.stdout.strip():
            dependencies: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
            return dependencies
        if done.returncode != 0:
            raise _NotAuditedError((done.stderr.strip().splitlines() or ["pip-audit failed"])[-1])
        return []


class _NotAuditedError(Exception):
    """The service does not answer; the message says why."""


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 1 for findings."""
    parser = argparse.ArgumentParser(prog="python -m tests.audit")
    parser.add_argument("files", nargs="+", help="files of requirements, with hashes")
    parser.add_argument("--tools", nargs="*", default=[], help="files whose findings are reported and do not fail")
    options = parser.parse_args(arguments)
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    return Audit(ignored=project["tool"]["eventstore"]["audit"]["ignored"]).run(options.files, tools=options.tools)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

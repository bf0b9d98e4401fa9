"""What the command line and the environment ask for."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from eventstore_dev.cloudformation import check_parameter, declared_parameters
from eventstore_dev.origins import SETTING, Origins, OriginsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Options", "OptionsError", "read_options"]

# Which parameter of the template takes which variable of the environment.
_FROM_ENVIRONMENT = {"RedisUrl": "REDIS_URL", "Partitions": "PARTITIONS", "LogLevel": "LOG_LEVEL", "Auth": "AUTH"}

# Without it nobody is asked for a credential, as with the value iam, which is for AWS to check.
_OPEN = "none"
# What the authorizer needs with each AUTH, and what it may have beside it. They go to functions as they are: a template
# for AWS takes neither an issuer on this machine nor a file.
_CREDENTIALS = {"jwt": ("JWT_ISSUER", "JWT_AUDIENCE"), "key": ("API_KEYS_FILE",)}
_OPTIONAL = ("JWT_JWKS_URL",)
_URLS = ("JWT_ISSUER", "JWT_JWKS_URL")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_HIGHEST_PORT = 65_535


class OptionsError(ValueError):
    """A setting cannot work; the message names it, and what would be right."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for; an argument counts before a variable of the environment."""

    template: Path
    port: int
    folder: Path
    parameters: Mapping[str, str]
    variables: Mapping[str, str]
    verbose: bool
    origins: Origins


def read_options(arguments: Sequence[str] | None, environment: Mapping[str, str]) -> Options:
    """Reads what was asked for.

    Raises:
        OptionsError: A variable of the environment has a value that cannot work.
        TemplateError: The template is missing, or does not take a value.
        SystemExit: The command line is wrong, or asks for help.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    declared = declared_parameters(given.template)
    parameters = {
        name: environment[variable]
        for name, variable in _FROM_ENVIRONMENT.items()
        if name in declared and environment.get(variable, _OPEN) not in {"", _OPEN}
    }
    for name, value in parameters.items():
        check_parameter(given.template, name, value, called=_FROM_ENVIRONMENT[name])
    for pair in given.parameter:
        name, equals, value = pair.partition("=")
        if not equals:
            parser.error(f"--parameter {pair}: it must be NAME=VALUE")
        parameters[name] = value
    folder = given.folder if given.folder is not None else Path(environment.get("FOLDER") or ".eventstore")
    return Options(
        template=given.template.resolve(),
        port=_port(given.port, environment.get("PORT") or "8081"),
        folder=folder.resolve(),
        parameters=parameters,
        variables=_variables(parameters.get("Auth", _OPEN), environment),
        verbose=given.verbose,
        origins=_origins(environment),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="eventstore-dev",
        description="Runs the project's template on this machine: its APIs, queues and functions, and a Valkey.",
        epilog="Environment: PORT, FOLDER, REDIS_URL, PARTITIONS, LOG_LEVEL, NO_COLOR; AWS_ENDPOINT_URL for queues "
        f"elsewhere; {SETTING} for pages of other origins; "
        "AUTH=jwt with JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL, or AUTH=key with API_KEYS_FILE. "
        "Exit codes: 0 ended in order, 1 something failed, 2 what was asked for cannot work.",
    )
    parser.add_argument("--template", type=Path, default=Path("template.yaml"), help="the SAM template (%(default)s)")
    parser.add_argument("--port", help="where to listen on 127.0.0.1 (PORT, else 8081)")
    parser.add_argument("--folder", type=Path, help="where data is kept (FOLDER, else .eventstore)")
    parser.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the template; may repeat"
    )
    parser.add_argument("--verbose", action="store_true", help="show Lambda's START, END and REPORT lines")
    return parser


def _port(argument: str | None, variable: str) -> int:
    called, value = ("PORT", variable) if argument is None else ("--port", argument)
    # isdecimal alone would take digits of other scripts.
    if not (value.isascii() and value.isdecimal() and int(value) <= _HIGHEST_PORT):
        raise OptionsError(
            f"{called} is {value!r}; it must be a number from 1 to {_HIGHEST_PORT}, or 0 for any free port"
        )
    return int(value)


def _origins(environment: Mapping[str, str]) -> Origins:
    try:
        return Origins.parse(environment.get(SETTING, ""))
    except OriginsError as error:
        raise OptionsError(str(error)) from error


def _variables(auth: str, environment: Mapping[str, str]) -> Mapping[str, str]:
    """What functions get of the developer's environment: where credentials are checked, or that none are."""
    if auth == _OPEN:
        # A template's own default may say that AWS checks signatures; here nobody does.
        return {"AUTH": _OPEN}
    needed = _CREDENTIALS.get(auth, ())
    for name in needed:
        if not environment.get(name):
            raise OptionsError(f"AUTH={auth} needs {' and '.join(needed)} (docs/security.md); {name} is unset")
    variables = {name: environment[name] for name in (*needed, *_OPTIONAL) if needed and environment.get(name)}
    for name in _URLS:
        if auth == "jwt" and name in variables:
            _check_issuer(name, variables[name])
    if "API_KEYS_FILE" in variables:
        # Functions run in a folder of their own.
        file = Path(variables["API_KEYS_FILE"]).resolve()
        _check_keys(file)
        variables["API_KEYS_FILE"] = str(file)
    return variables


def _check_issuer(name: str, value: str) -> None:
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if host is None or not (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)):
        raise OptionsError(
            f"{name} is {value[:200]!r}; it must be a URL that starts with https://, or with http:// on this machine"
        )


def _check_keys(file: Path) -> None:
    advice = f"python -m functions.authorizer.key NAME --into {file} makes a key (docs/security.md)"
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise OptionsError(f"API_KEYS_FILE names {file}, which does not exist; {advice}") from None
    except OSError as error:
        raise OptionsError(f"API_KEYS_FILE names {file}, which cannot be read: {error.strerror}") from None
    except ValueError as error:
        # Neither the file's content nor what the decoder quotes of it.
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise OptionsError(f"API_KEYS_FILE names {file}, which is not JSON{where}; {advice}") from None
    if not isinstance(content, dict) or not isinstance(content.get("keys"), list):
        raise OptionsError(f'API_KEYS_FILE names {file}, which is not an object {{"keys": […]}}; {advice}')

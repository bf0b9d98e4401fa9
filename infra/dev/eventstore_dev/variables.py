"""The variables of the developer's environment that a project's configuration names: checked, and handed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from eventstore_dev.configuration import Configuration, Variable

__all__ = ["VariableError", "for_functions", "for_parameters"]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class VariableError(ValueError):
    """A variable has a value that cannot work, or is missing; the message names it, and what would be right."""


def for_parameters(
    configuration: Configuration, environment: Mapping[str, str], *, declared: Collection[str]
) -> dict[str, str]:
    """Return the values of the template's parameters that variables give.

    Args:
        configuration: Names the variables.
        environment: The developer's.
        declared: The parameters that the template has.
    """
    return {
        about.parameter: environment[name]
        for name, about in configuration.variables.items()
        if about.parameter in declared and environment.get(name, about.default) not in {"", about.default}
    }


def for_functions(
    configuration: Configuration, environment: Mapping[str, str], *, parameters: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables that functions have over those of the template.

    Args:
        configuration: Names the variables.
        environment: The developer's.
        parameters: The values that are given to the template's parameters.

    Raises:
        VariableError: One is missing that another one needs, or has a value that cannot work.
    """
    found: dict[str, str] = {}
    for name, about in configuration.variables.items():
        value = parameters.get(about.parameter) or about.default
        if about.default and value == about.default:
            found[name] = value
        needed, optional = about.needs.get(value, ()), about.takes.get(value, ())
        for other in needed:
            if not environment.get(other):
                see = f" ({about.see})" if about.see else ""
                raise VariableError(f"{name}={value} needs {' and '.join(needed)}{see}; {other} is unset")
        for other in (*needed, *optional):
            if environment.get(other):
                found[other] = _checked(other, environment[other], configuration.variables.get(other))
    return found


def _checked(name: str, value: str, about: Variable | None) -> str:
    """Return a value as functions get it."""
    if about is not None and about.kind == "url":
        _check_url(name, value)
    if about is not None and about.kind == "json":
        # Functions run in a folder of their own.
        file = Path(value).resolve()
        _check_json(name, file, about)
        return str(file)
    return value


def _check_url(name: str, value: str) -> None:
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if host is None or not (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)):
        raise VariableError(
            f"{name} is {value[:200]!r}; it must be a URL that starts with https://, or with http:// on this machine"
        )


def _check_json(name: str, file: Path, about: Variable) -> None:
    advice = f"; {about.see.replace('{file}', str(file))}" if about.see else ""
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise VariableError(f"{name} names {file}, which does not exist{advice}") from None
    except OSError as error:
        raise VariableError(f"{name} names {file}, which cannot be read: {error.strerror}") from None
    except ValueError as error:
        # Neither the file's content nor what the decoder quotes of it.
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise VariableError(f"{name} names {file}, which is not JSON{where}{advice}") from None
    if about.list and not (isinstance(content, dict) and isinstance(content.get(about.list), list)):
        raise VariableError(f'{name} names {file}, which is not an object {{"{about.list}": […]}}{advice}')

"""What a project says of itself to the stack: `[tool.eventstore_dev]` of the pyproject.toml beside its template.

The stack knows templates; this names what a template cannot say: what runs beside it, which variables of the
developer's environment fill its parameters, and what to try first.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from eventstore_dev.unsupported import Kind

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

__all__ = ["Configuration", "ConfigurationError", "ServerParameter", "Variable"]

_FILE, _TABLE = "pyproject.toml", "eventstore_dev"
_KINDS = frozenset({"text", "url", "json"})
_SERVERS = ("nats", "kafka")


class ConfigurationError(ValueError):
    """The project's table cannot be used; the message names the key, and what would be right."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the developer's environment.

    Attributes:
        parameter: The parameter of the template that takes its value; none if empty.
        default: What it is when it is unset. The parameter then keeps the template's own default, and functions have
            this value in the variable of this name.
        needs: The variables that must be set with a value of this one. Functions have them, too.
        takes: The variables that may be set with a value of this one.
        kind: `text`, `url` (https, or http on this machine) or `json` (the name of a file).
        list: With `json`, the member of the document that must be a list; any document will do, if empty.
        see: The page, or the command, that an error names.
    """

    parameter: str = ""
    default: str = ""
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    takes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kind: str = "text"
    list: str = ""
    see: str = ""


@dataclass(frozen=True, slots=True)
class ServerParameter:
    """A parameter of the template that takes the URL of a server of a kind.

    Attributes:
        parameter: The parameter. A server is started if nothing else gives it a value, and `when` holds.
        when: The values that other parameters must have; with none, a server is always started.
    """

    parameter: str
    when: Mapping[str, str] = field(default_factory=dict)

    def applies(self, parameters: Mapping[str, str | None]) -> bool:
        """Return whether the other parameters have their values.

        Args:
            parameters: The values of the template's parameters.
        """
        return all(parameters.get(name) == value for name, value in self.when.items())


@dataclass(frozen=True, slots=True)
class Configuration:
    """A project's table.

    Attributes:
        variables: By name.
        parameters: What parameters of the template are here, unless a variable or the command line says otherwise.
        valkey_parameter: The parameter that takes the URL of a Valkey. One is started if nothing else gives it a value.
        nats: The parameter that takes the URL of a NATS server, and when one is started; None if there is none.
        kafka: The parameter that takes the address of a Kafka broker, likewise.
        origins_parameter: The parameter that takes the origins whose pages may read answers.
        allow_unsupported: What of the template may be missing here (`unsupported`).
        check: A function of the project, `module:name`. It is called with the parameters before the stack starts, and
            returns what is wrong, or None.
        documentation: The path of a page that the ready line names.
        console: The path of another one, which shows what the project holds.
        first_call: A command that the ready line names; `{url}` and `{credential}` are replaced.
        credential: What replaces `{credential}` where an API asks an authorizer.
    """

    variables: Mapping[str, Variable] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    valkey_parameter: str = ""
    nats: ServerParameter | None = None
    kafka: ServerParameter | None = None
    origins_parameter: str = ""
    allow_unsupported: frozenset[Kind] = frozenset()
    check: str = ""
    documentation: str = ""
    console: str = ""
    first_call: str = ""
    credential: str = ""

    @classmethod
    def beside(cls, template: Path) -> Self:
        """Read the table of the template's project; without one, nothing is configured.

        Raises:
            ConfigurationError: The file is not TOML, or the table has what is not known.
        """
        file = template.resolve().parent / _FILE
        try:
            document = tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{file} cannot be read: {error}") from error
        tool = document.get("tool")
        return cls.read(tool.get(_TABLE, {}) if isinstance(tool, Mapping) else {})

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Self:
        """Read a table.

        Raises:
            ConfigurationError: It has what is not known.
        """
        members = {**table}
        variables = members.pop("variables", {})
        if not isinstance(variables, Mapping):
            raise ConfigurationError(f"[tool.{_TABLE}] variables must be a table of variables")
        parameters = members.pop("parameters", {})
        if not isinstance(parameters, Mapping):
            raise ConfigurationError(f"[tool.{_TABLE}] parameters must be a table of texts")
        _check_texts(parameters, known=parameters, at="parameters.")
        servers = {kind: _server(members.pop(kind), at=kind) for kind in _SERVERS if kind in members}
        allowed = _texts(members.pop("allow_unsupported", []), at="allow_unsupported")
        others = {"variables", "parameters", "allow_unsupported", *_SERVERS}
        _check_texts(members, known=_names(cls) - others, at="")
        return cls(
            variables={name: _variable(about, at=f"variables.{name}") for name, about in variables.items()},
            parameters=dict(parameters),
            allow_unsupported=kinds(allowed, called=f"[tool.{_TABLE}] allow_unsupported"),
            nats=servers.get("nats"),
            kafka=servers.get("kafka"),
            **members,
        )

    def variable_of(self, parameter: str) -> str:
        """Return the name of the variable that fills a parameter; empty if none does."""
        return next((name for name, about in self.variables.items() if about.parameter == parameter), "")


def kinds(names: Collection[str], *, called: str) -> frozenset[Kind]:
    """Return the kinds of what may be missing.

    Args:
        names: Their names.
        called: What an error calls the setting.

    Raises:
        ConfigurationError: One is none.
    """
    for name in names:
        if name not in set(Kind):
            raise ConfigurationError(f"{called} is {name!r}; it must be one of {', '.join(Kind)}")
    return frozenset(map(Kind, names))


def _server(about: object, *, at: str) -> ServerParameter:
    if not isinstance(about, Mapping):
        raise ConfigurationError(f"[tool.{_TABLE}] {at} must be a table")
    members = {**about}
    when = members.pop("when", {})
    if not isinstance(when, Mapping):
        raise ConfigurationError(f"[tool.{_TABLE}] {at}.when must be a table: a value for each parameter")
    _check_texts(when, known=when, at=f"{at}.when.")
    _check_texts(members, known=_names(ServerParameter) - {"when"}, at=f"{at}.")
    if not members.get("parameter"):
        raise ConfigurationError(f"[tool.{_TABLE}] {at}.parameter must name a parameter of the template")
    return ServerParameter(when=dict(when), **members)


def _variable(about: object, *, at: str) -> Variable:
    if not isinstance(about, Mapping):
        raise ConfigurationError(f"[tool.{_TABLE}] {at} must be a table")
    members = {**about}
    lists = {name: members.pop(name, {}) for name in ("needs", "takes")}
    for name, by_value in lists.items():
        if not isinstance(by_value, Mapping):
            raise ConfigurationError(f"[tool.{_TABLE}] {at}.{name} must be a table: a list for each value")
    _check_texts(members, known=_names(Variable) - set(lists), at=f"{at}.")
    if members.get("kind", "text") not in _KINDS:
        raise ConfigurationError(f"[tool.{_TABLE}] {at}.kind must be one of {', '.join(sorted(_KINDS))}")
    needs, takes = (
        {value: _texts(names, at=f"{at}.{name}.{value}") for value, names in by_value.items()}
        for name, by_value in lists.items()
    )
    return Variable(needs=needs, takes=takes, **members)


def _check_texts(members: Mapping[str, object], *, known: Collection[str], at: str) -> None:
    for name, value in members.items():
        if name not in known:
            raise ConfigurationError(f"[tool.{_TABLE}] has {at}{name}; it knows {', '.join(sorted(known))}")
        if not isinstance(value, str):
            raise ConfigurationError(f"[tool.{_TABLE}] {at}{name} must be text")


def _texts(value: object, *, at: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise ConfigurationError(f"[tool.{_TABLE}] {at} must be a list of texts")
    return tuple(value)


def _names(of: type) -> frozenset[str]:
    names: Mapping[str, object] = of.__dataclass_fields__  # type: ignore[attr-defined] # both are dataclasses
    return frozenset(names)

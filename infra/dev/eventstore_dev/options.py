"""What the command line and the environment ask for."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore_dev.configuration import Configuration, ConfigurationError, kinds
from eventstore_dev.parameters import check_parameter, declared_parameters
from eventstore_dev.variables import VariableError, for_functions, for_parameters
from eventstore_hosting.origins import SETTING, Origins, OriginsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Options", "OptionsError", "read_options"]

_HIGHEST_PORT = 65_535


class OptionsError(ValueError):
    """A setting cannot work; the message names it, and what would be right."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for; an argument counts before a variable of the environment.

    Attributes:
        parameters: Values for the template's parameters.
        variables: Of the environment of every function.
        configuration: The project's, and what the command line lets through beside it.
    """

    template: Path
    port: int
    folder: Path
    parameters: Mapping[str, str]
    variables: Mapping[str, str]
    verbose: bool
    origins: Origins
    configuration: Configuration


def read_options(arguments: Sequence[str] | None, environment: Mapping[str, str]) -> Options:
    """Reads what was asked for.

    Args:
        arguments: Of the command line; those of this process if None.
        environment: The developer's.

    Raises:
        OptionsError: A variable of the environment, or the project's configuration, cannot work.
        TemplateError: The template is missing, or does not take a value.
        SystemExit: The command line is wrong, or asks for help.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    declared = declared_parameters(given.template)
    try:
        configuration = Configuration.beside(given.template)
        named = {part for text in given.allow_unsupported for part in text.split(",")}
        allowed = configuration.allow_unsupported | kinds(named, called="--allow-unsupported")
    except ConfigurationError as error:
        raise OptionsError(str(error)) from error
    named_by_variables = for_parameters(configuration, environment, declared=declared)
    for name, value in named_by_variables.items():
        check_parameter(given.template, name, value, called=configuration.variable_of(name))
    parameters = {**configuration.parameters, **named_by_variables}
    for pair in given.parameter:
        name, equals, value = pair.partition("=")
        if not equals:
            parser.error(f"--parameter {pair}: it must be NAME=VALUE")
        parameters[name] = value
    folder = given.folder if given.folder is not None else Path(environment.get("FOLDER") or ".eventstore")
    try:
        variables = for_functions(configuration, environment, parameters=parameters)
    except VariableError as error:
        raise OptionsError(str(error)) from error
    return Options(
        template=given.template.resolve(),
        port=_port(given.port, environment.get("PORT") or "8081"),
        folder=folder.resolve(),
        parameters=parameters,
        variables=variables,
        verbose=given.verbose,
        origins=_origins(environment),
        configuration=replace(configuration, allow_unsupported=allowed),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="eventstore-dev",
        description="Runs a SAM template on this machine: its APIs, queues, schedules and functions.",
        epilog="Environment: PORT, FOLDER, NO_COLOR; AWS_ENDPOINT_URL for services elsewhere; "
        f"{SETTING} for pages of other origins; and the variables of [tool.eventstore_dev] in the pyproject.toml "
        "beside the template, which also names what is started with it. "
        "Exit codes: 0 ended in order, 1 something failed, 2 what was asked for cannot work.",
    )
    parser.add_argument("--template", type=Path, default=Path("template.yaml"), help="the SAM template (%(default)s)")
    parser.add_argument("--port", help="where to listen on 127.0.0.1 (PORT, else 8081)")
    parser.add_argument("--folder", type=Path, help="where data is kept (FOLDER, else .eventstore)")
    parser.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the template; may repeat"
    )
    parser.add_argument(
        "--allow-unsupported",
        action="append",
        default=[],
        metavar="KIND",
        help="start although the template asks for what is not emulated: auth (who may call is not asked), events "
        "(functions are not called by them), runtimes (functions that do not run in Python are not there); may repeat",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="show Lambda's START, END and REPORT lines, and all that is passed over"
    )
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

"""Calls of AWS services, at a quarter of the processor time of boto3's (decision 051).

Errors are botocore's: a caller that translates them does not need to know who made the call.
"""

from __future__ import annotations

import json
import os
import random
import re
import socket
import time
from functools import cache
from pathlib import Path
from ssl import SSLCertVerificationError
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import botocore
import urllib3
from botocore import exceptions
from urllib3 import exceptions as failures
from urllib3.util.ssl_ import create_urllib3_context

from eventstore.adapters.aws.signature import Signer, canonical_query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ssl import SSLContext

    from eventstore.adapters.aws.environment import AwsEnvironment

__all__ = ["Answer", "ServiceCalls", "encoded", "is_throttling"]

_CONNECT_SECONDS = 1.0
_MOST_PAUSE_SECONDS = 20.0
_KEEP_ALIVE = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
_USER_AGENT = "flunq-eventstore"

_TRANSIENT_STATUSES = (429, 500, 502, 503, 504)
_THROTTLING = ("throttl", "toomanyrequests", "overlimit", "requestlimitexceeded", "slowdown")
_LEAST_ERROR = 300
_XML_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,100})</Code>")


class Answer(NamedTuple):
    """An answer that is no error.

    Attributes:
        headers: Its headers; their names are found in upper and lower case.
        body: Its body.
    """

    headers: Mapping[str, str]
    body: bytes


class _Request(NamedTuple):
    operation: str
    method: str
    path: str
    body: bytes
    headers: Mapping[str, str]
    seconds: float
    query: str


class ServiceCalls:
    """Calls one service. Connections are kept; threads may share it.

    Calls are signed. They are tried again after transient errors and throttling, as botocore's standard mode does. They
    pass the id of the function's trace on: by it, Lambda stops functions that call each other for ever.

    Args:
        service: The name of the service in signatures.
        environment: Has the region, the keys, and the endpoints of services that have one.
        endpoint: The URL of the service, without a slash at its end; None for that of the environment.
        seconds: How long an attempt may take, in seconds: up to one of them for connecting, the rest for each part of
            the answer.
        attempts: How often a call is tried.
        connections: How many connections are kept.
        now: Returns the time, in seconds since 1970.
        pause: Blocks for a number of seconds.
        jitter: Returns random numbers from 0 to 1.

    Raises:
        NoRegionError: No region is configured.
    """

    def __init__(
        self,
        service: str,
        environment: AwsEnvironment,
        *,
        seconds: float,
        endpoint: str | None = None,
        attempts: int = 1,
        connections: int = 10,
        now: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._endpoint = environment.endpoint(service) if endpoint is None else endpoint
        self.region = environment.region
        self._signer = Signer(service, environment.region, environment.keys)
        self._seconds = seconds
        self._attempts = attempts
        self._now = now
        self._pause = pause
        self._jitter = jitter
        parts = urlsplit(self._endpoint)
        self._host = parts.netloc
        self._base = parts.path
        self._connections = connections
        self._pool = _pool(self._endpoint, connections)

    def close(self) -> None:
        """Close the connections that are kept. A later call opens others."""
        self._pool.close()
        self._pool = _pool(self._endpoint, self._connections)

    def call(
        self,
        operation: str,
        path: str,
        body: bytes = b"",
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make a call.

        Args:
            operation: The name of the operation, for errors.
            path: The path, from the slash on, percent-encoded (`encoded`).
            body: The body.
            method: The method.
            headers: More headers; their names in lower case.
            seconds: How many seconds an attempt of this call may take, if not as many as of others.
            query: The parameters of the query.

        Raises:
            ClientError: The service refused.
            BotoCoreError: There is no answer, or nothing to sign with.
        """
        request = _Request(
            operation,
            method,
            self._base + path,
            body,
            headers or {},
            self._seconds if seconds is None else seconds,
            canonical_query(query or {}),
        )
        attempt = 1
        while True:
            try:
                return self._once(request)
            except (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.ClientError) as error:
                if attempt >= self._attempts or not _is_transient(error):
                    raise
            # As in botocore's standard mode.
            self._pause(self._jitter() * min(2 ** (attempt - 1), _MOST_PAUSE_SECONDS))
            attempt += 1

    def _once(self, request: _Request) -> Answer:
        method, path, body = request.method, request.path, request.body
        signed = self._signer.signed(
            method, path, body, host=self._host, headers=request.headers, seconds=self._now(), query=request.query
        )
        # These are not signed, because gateways on the way may change them.
        signed |= {**_trace(), "user-agent": _USER_AGENT}
        connect = min(_CONNECT_SECONDS, request.seconds / 2)
        timeout = urllib3.Timeout(connect=connect, read=request.seconds - connect)
        url = self._endpoint
        target = f"{path}?{request.query}" if request.query else path
        try:
            answer = self._pool.urlopen(method, target, body, signed, retries=False, timeout=timeout)
        except failures.SSLError as error:
            raise exceptions.SSLError(endpoint_url=url, error=error) from error
        except failures.ProxyError as error:
            raise exceptions.ProxyConnectionError(proxy_url="the proxy of the environment", error=error) from error
        except failures.NewConnectionError as error:
            raise exceptions.EndpointConnectionError(endpoint_url=url, error=error) from error
        except failures.ConnectTimeoutError as error:
            raise exceptions.ConnectTimeoutError(endpoint_url=url, error=error) from error
        except failures.ReadTimeoutError as error:
            raise exceptions.ReadTimeoutError(endpoint_url=url, error=error) from error
        except failures.ProtocolError as error:
            raise exceptions.ConnectionClosedError(endpoint_url=url, error=error) from error
        except failures.HTTPError as error:
            raise exceptions.HTTPClientError(error=error) from error
        if answer.status >= _LEAST_ERROR:
            raise _client_error(request.operation, answer.status, answer.headers, answer.data)
        return Answer(answer.headers, answer.data)


def encoded(part: str) -> str:
    """Return a part of a path, percent-encoded as AWS does it: slashes too."""
    return quote(part, safe="-._~")


def is_throttling(code: str) -> bool:
    """Whether a code of an error, or of a failed entry of a batch, asks to slow down."""
    return any(part in code.lower() for part in _THROTTLING)


def _pool(endpoint: str, connections: int) -> urllib3.HTTPConnectionPool:
    options: dict[str, Any] = {
        "maxsize": connections,
        "socket_options": [*urllib3.connection.HTTPConnection.default_socket_options, _KEEP_ALIVE],
    }
    parts = urlsplit(endpoint)
    if parts.scheme != "https":
        return urllib3.connection_from_url(endpoint, **options)
    own = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")
    options["ssl_context"] = _tls_context(own or str(Path(botocore.__file__).with_name("cacert.pem")))
    proxy = getproxies().get("https")
    if not proxy or proxy_bypass(parts.netloc):
        return urllib3.connection_from_url(endpoint, **options)
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    return urllib3.ProxyManager(proxy, proxy_headers=_proxy_headers(proxy), **options).connection_from_url(endpoint)


@cache
def _tls_context(authorities: str) -> SSLContext:
    """Return a context that trusts the authorities of a file. Reading them takes 17 ms, so a process does it once."""
    context = create_urllib3_context()
    context.load_verify_locations(authorities)
    return context


def _proxy_headers(proxy: str) -> Mapping[str, str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return urllib3.make_headers(proxy_basic_auth=credentials)


def _trace() -> Mapping[str, str]:
    trace = os.environ.get("_X_AMZN_TRACE_ID")
    if trace and "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        return {"x-amzn-trace-id": quote(trace, safe="-=;:+&[]{}\"',")}
    return {}


def _client_error(operation: str, status: int, headers: Mapping[str, str], body: bytes) -> exceptions.ClientError:
    """Return the error of an answer, with the code and the message where the protocols of services have them."""
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        members = {}
    if not isinstance(members, dict):
        members = {}
    # SQS keeps the codes of its older protocol in a header (AWS Query-compatible services).
    code = (
        headers.get("x-amzn-query-error", "").partition(";")[0]
        or headers.get("x-amzn-errortype", "").partition(":")[0]
        or str(members.get("__type") or members.get("code") or "").rpartition("#")[2].partition(":")[0]
        # S3 answers in XML.
        or (_XML_CODE.search(body) or [b"", b""])[1].decode()
        or str(status)
    )
    message = str(members.get("message") or members.get("Message") or "")
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {
            "HTTPStatusCode": status,
            "HTTPHeaders": {name.lower(): value for name, value in headers.items()},
        },
    }
    return exceptions.ClientError(response, operation)


def _is_transient(error: Exception) -> bool:
    if isinstance(error, exceptions.SSLError):
        # Else the connection was closed while it was opened.
        return not any(isinstance(cause, SSLCertVerificationError) for cause in error.kwargs["error"].args)
    if not isinstance(error, exceptions.ClientError):
        return True
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    code = error.response["Error"]["Code"]
    return status in _TRANSIENT_STATUSES or is_throttling(code)

"""The HTTP front: records requests, lets faults happen, and offers the control plane under `/_emulator/`."""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timezone
from email.utils import format_datetime
from typing import Any, cast

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from pulumi_agin.emulator import api
from pulumi_agin.emulator.access import Access, Refusal
from pulumi_agin.emulator.api import Answer, Call
from pulumi_agin.emulator.control import ACTIONS, READS, Control
from pulumi_agin.emulator.delegation import Found
from pulumi_agin.emulator.errors import NO_CHANGE
from pulumi_agin.emulator.faults import Fault
from pulumi_agin.emulator.log import LoggedRequest, parsed
from pulumi_agin.emulator.state import State
from pulumi_agin.emulator.store import StoreError

CONTROL_PREFIX = "/_emulator/"
MAX_BODY_BYTES = 1024 * 1024
"""The longest body that is read. One that the API accepts is below 30 KiB."""


class App:
    """An ASGI app. The server puts `connection` into the scope's state."""

    def __init__(self, state: State, control: Control, access: Access) -> None:
        self._state = state
        self._control = control
        self._access = access
        self.stopping = asyncio.Event()
        """Set when the emulator stops: nothing waits any longer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        is_control = scope["path"].startswith(CONTROL_PREFIX)
        refusal = self._access.refusal(request.headers)
        body = b""
        if refusal is None:
            try:
                body = await _body(request)
            except ClientDisconnect:
                return
            except _TooLargeError:
                refusal = Refusal(
                    413, f"The emulator reads bodies of up to {MAX_BODY_BYTES} bytes; this one is longer."
                )
        if refusal is not None:
            form = _refusal if is_control else _api_refusal
            # The rest of the body stays unread.
            await form(*refusal, {"connection": "close"})(scope, receive, send)
        elif is_control:
            await (await self._answer_control(request, body))(scope, receive, send)
        else:
            await self._answer_api(request, body, send)

    # The API

    async def _answer_api(self, request: Request, body: bytes, send: Send) -> None:
        call = Call(
            method=request.method,
            path=request.scope["path"],
            query=request.scope["query_string"].decode("latin-1"),
            headers=_headers(request.scope),
            body=body,
            base_url=f"http://{request.headers.get('host', 'localhost')}",
        )
        connection: Connection = request.scope["state"]["connection"]
        with self._state.lock:
            logged = self._log(call, connection)
            fault = next((each for each in self._state.faults if each.meets(call.method, call.path)), None)
        answer = await self._carry_out(call, fault, request.receive)
        if answer is None:
            connection.reset()
            await _gone(request.receive)
            return
        with self._state.lock:
            logged.status = answer.status
        headers = {
            "date": format_datetime(self._state.clock().astimezone(timezone.utc), usegmt=True),
            **{name.lower(): value for name, value in answer.headers.items()},
        }
        content = b""
        if answer.status not in (204, 304):
            content = answer.body
            headers.setdefault("content-length", str(len(content)))
        is_cut = fault is not None and fault.kind == "cut_short"
        if is_cut:
            content = content[: len(content) // 2]
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(name.encode("latin-1"), text.encode("latin-1")) for name, text in headers.items()],
            }
        )
        await send({"type": "http.response.body", "body": content, "more_body": is_cut})
        if is_cut:
            connection.close()
            await _gone(request.receive)

    async def _carry_out(self, call: Call, fault: Fault | None, receive: Receive) -> Answer | None:
        """The answer; None where the connection is to end without one."""
        if fault is None:
            return await self._answer(call)
        if fault.kind == "delay" and not fault.after:
            await self._sleep(fault.seconds)
            if self.stopping.is_set():
                return None
        answer = await self._answer(call) if fault.is_carried_out else None
        if fault.kind == "delay" and fault.after:
            await self._sleep(fault.seconds)
        if fault.kind == "hang":
            await _gone(receive)
        if fault.kind in ("answer", "answer_after"):
            return _given_answer(fault, call.api_key() or "")
        # What has no body cannot be cut short: there the connection ends before the answer.
        if fault.kind == "delay" or (fault.kind == "cut_short" and answer is not None and answer.body):
            return answer
        return None

    async def _answer(self, call: Call) -> Answer:
        domains = api.waiting_for_records(self._state, call)
        found: Mapping[str, Found] = {}
        if self._state.dns is not None and domains:
            # Without the lock: meanwhile others are answered.
            look = asyncio.ensure_future(self._state.dns.look(domains))
            stop = asyncio.ensure_future(self.stopping.wait())
            await asyncio.wait([look, stop], return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
            if look.done():
                found = look.result()
            look.cancel()
        return api.answer(self._state, call, found)

    async def _sleep(self, seconds: float) -> None:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    def _log(self, call: Call, connection: Connection) -> LoggedRequest:
        if connection.number == 0:
            self._state.connections += 1
            connection.number = self._state.connections
        headers = dict(call.headers)
        for name in ("authorization", "proxy-authorization", "cookie"):
            if name in headers:
                scheme, space, _ = headers[name].partition(" ")
                headers[name] = f"{scheme} …" if space and name != "cookie" else "…"
        logged = LoggedRequest(
            method=call.method,
            path=call.path,
            query=call.query,
            headers=headers,
            body=call.body,
            status=None,
            account=self._state.accounts.get(call.api_key() or ""),
            connection=connection.number,
            time=time.monotonic(),
        )
        self._state.requests.add(logged)
        return logged

    # The control plane

    async def _answer_control(self, request: Request, body: bytes) -> Response:
        name = request.scope["path"].removeprefix(CONTROL_PREFIX)
        if name not in (*READS, *ACTIONS):
            offers = f"GET {', '.join(READS)}; POST {', '.join(ACTIONS)}"
            return _refusal(404, f"The control plane offers {offers}.")
        if request.method != ("GET" if name in READS else "POST"):
            return _refusal(405, f"{name} is asked for by {'GET' if name in READS else 'POST'}.")
        # A web page can send other types without asking first.
        if name in ACTIONS and not api.is_json(request.headers.get("content-type", "")):
            return _refusal(415, f"{name} needs the header `content-type: application/json`, also without arguments.")
        arguments = parsed(body) if body else {}
        if not isinstance(arguments, dict):
            return _refusal(400, "The arguments are a JSON object.")
        arguments = cast("dict[str, Any]", arguments)
        if name == "pause" and arguments.get("seconds") is None:
            return _refusal(400, "Over HTTP, pause needs seconds: nobody is left to ask for going on.")
        method = getattr(self._control, name)
        try:
            inspect.signature(method).bind(**arguments)
        except TypeError as error:
            return _refusal(400, f"The arguments of {name} are wrong: {error}.")
        try:
            # In a thread, since some methods wait for this event loop.
            found = await asyncio.to_thread(method, **arguments)
            return _json(200, found)
        except StoreError as error:
            return _refusal(500, f"{error} {NO_CHANGE}")
        except LookupError as error:
            return _refusal(404, str(error.args[0]))
        except RecursionError:
            return _refusal(400, "There is a value in it that is nested too deeply.")
        except (ValueError, TypeError, AttributeError) as error:
            return _refusal(400, str(error))


class Connection:
    """One TCP connection."""

    def __init__(self, protocol: H11Protocol) -> None:
        self._protocol = protocol
        self.number = 0
        """From 1 on, once it has carried a request to the API."""

    def close(self) -> None:
        """Ends it in order, after what was sent."""
        self._protocol.transport.close()

    def reset(self) -> None:
        """Ends it by RST, as a crashed server or a firewall does."""
        transport = self._protocol.transport
        sock = transport.get_extra_info("socket")
        if sock is not None and not transport.is_closing():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


async def _gone(receive: Receive) -> None:
    """Waits until the connection has ended."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _given_answer(fault: Fault, api_key: str) -> Answer:
    headers = {name.lower(): text.replace("{api_key}", api_key) for name, text in fault.headers.items()}
    headers.setdefault("content-type", "text/plain; charset=utf-8")
    is_json = headers["content-type"].startswith("application/json")
    in_body = json.dumps(api_key)[1:-1] if is_json else api_key
    return Answer(fault.status, fault.body.replace("{api_key}", in_body).encode(), headers)


def _headers(scope: Scope) -> dict[str, str]:
    """By name, the first of each. Starlette's own takes as many steps as the square of their number."""
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    return dict(reversed(pairs))


class _TooLargeError(Exception):
    pass


async def _body(request: Request) -> bytes:
    """The whole body. Raises _TooLargeError as soon as it is known to be too large."""
    if int(request.headers.get("content-length", 0)) > MAX_BODY_BYTES:
        raise _TooLargeError
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise _TooLargeError
    return bytes(body)


def _refusal(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    return _json(status, {"error": sentence}, headers)


def _api_refusal(status: int, sentence: str, headers: Mapping[str, str]) -> Response:
    """In the form of ngrok's errors, whose other details belong to requests that were looked at."""
    return _json(status, {"status_code": status, "msg": sentence, "details": {}}, headers)


def _json(status: int, content: object, headers: Mapping[str, str] | None = None) -> Response:
    # Not JSONResponse: a body that was seen may hold what is no Unicode, which only escapes can carry.
    return Response(json.dumps(content), status, headers, media_type="application/json")

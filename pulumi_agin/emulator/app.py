"""Answers requests: logs them, makes faults happen, and offers the control plane under `/_emulator/`."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timezone
from email.utils import format_datetime
from functools import partial
from typing import Any, cast

from . import api
from .access import Access, Refusal
from .api import Answer, Call
from .control import ACTIONS, READS, Control
from .delegation import NsAnswer
from .errors import NO_CHANGE
from .faults import Fault
from .http import Connection, Request, TooLargeError
from .log import LoggedRequest, parse_body
from .state import State
from .store import StoreError

CONTROL_PREFIX = "/_emulator/"
MAX_BODY_BYTES = 1024 * 1024
"""The longest body that is read. The API accepts none above 30 KiB."""


class App:
    """Answers requests."""

    def __init__(self, state: State, control: Control, access: Access) -> None:
        """Answers nothing yet.

        Args:
            state: The state of the service.
            control: The methods of the control plane.
            access: Decides which requests are answered.
        """
        self._state = state
        self._control = control
        self._access = access
        self.stopping = asyncio.Event()
        """Set when the emulator stops. It ends every wait."""

    async def answer(self, request: Request, connection: Connection) -> None:
        """Reads the body of a request and answers it.

        Args:
            request: The head of the request.
            connection: The connection that it came by.

        Raises:
            BadRequestError: The body is malformed, or the client went away.
        """
        is_control = request.path.startswith(CONTROL_PREFIX)
        refusal = self._access.refusal(request.headers)
        body = b""
        if refusal is None:
            try:
                body = await connection.read_body(request, MAX_BODY_BYTES)
            except TooLargeError:
                refusal = Refusal(
                    413, f"The emulator reads bodies of up to {MAX_BODY_BYTES} bytes; this one is longer."
                )
        if refusal is not None:
            form = _refusal if is_control else _api_refusal
            # The rest of the body stays unread.
            await connection.send(form(*refusal, {"connection": "close"}))
        elif is_control:
            await connection.send(await self._answer_control(request, body))
        else:
            await self._answer_api(request, body, connection)

    # The API

    async def _answer_api(self, request: Request, body: bytes, connection: Connection) -> None:
        call = Call(
            method=request.method,
            path=request.path,
            query=request.query,
            headers={name: values[0] for name, values in request.headers.items()},
            body=body,
            base_url=f"http://{request.header('host')}",
        )
        with self._state.lock:
            logged = self._log(call, connection)
            is_about = partial(api.is_about, self._state, call)
            faults = self._state.faults
            fault = next((each for each in faults if each.applies_to(call.method, call.path, is_about)), None)
        answer = await self._carry_out(call, fault, connection)
        if answer is None:
            connection.reset()
            return
        with self._state.lock:
            logged.status = answer.status
        headers = {
            "date": format_datetime(self._state.clock().astimezone(timezone.utc), usegmt=True),
            **{name.lower(): value for name, value in answer.headers.items()},
        }
        send = connection.send_half if fault is not None and fault.kind == "cut_short" else connection.send
        await send(replace(answer, headers=headers))

    async def _carry_out(self, call: Call, fault: Fault | None, connection: Connection) -> Answer | None:
        """Returns the answer, or None if the connection is to be reset without one."""
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
            await connection.wait_until_closed()
        if fault.kind in ("answer", "answer_after"):
            return _made_up_answer(fault, call.api_key() or "")
        # An answer without a body cannot be cut short. The connection is reset before it instead.
        if fault.kind == "delay" or (fault.kind == "cut_short" and answer is not None and answer.body):
            return answer
        return None

    async def _answer(self, call: Call) -> Answer:
        domains = api.domains_to_look_up(self._state, call)
        found: Mapping[str, NsAnswer] = {}
        if self._state.dns is not None and domains:
            # The lock is not held, so that other requests are answered in the meantime.
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

    async def _answer_control(self, request: Request, body: bytes) -> Answer:
        name = request.path.removeprefix(CONTROL_PREFIX)
        if name not in (*READS, *ACTIONS):
            offers = f"GET {', '.join(READS)}; POST {', '.join(ACTIONS)}"
            return _refusal(404, f"The control plane offers {offers}.")
        if request.method != ("GET" if name in READS else "POST"):
            return _refusal(405, f"{name} needs the method {'GET' if name in READS else 'POST'}.")
        # A web page can send other content types without permission.
        if name in ACTIONS and not api.is_json(request.header("content-type")):
            return _refusal(415, f"{name} needs the header `content-type: application/json`, even without arguments.")
        arguments = parse_body(body) if body else {}
        if not isinstance(arguments, dict):
            return _refusal(400, "The arguments must be a JSON object.")
        arguments = cast("dict[str, Any]", arguments)
        if name == "pause" and arguments.get("seconds") is None:
            return _refusal(
                400, "Over HTTP, pause needs seconds, because the paused emulator can't be asked to resume."
            )
        method = getattr(self._control, name)
        try:
            inspect.signature(method).bind(**arguments)
        except TypeError as error:
            return _refusal(400, f"The arguments of {name} are wrong: {error}.")
        try:
            # In a thread, because some methods wait for this event loop.
            found = await asyncio.to_thread(method, **arguments)
            return _json(200, found)
        except StoreError as error:
            return _refusal(500, f"{error} {NO_CHANGE}")
        except LookupError as error:
            return _refusal(404, str(error.args[0]))
        except RecursionError:
            return _refusal(400, "A value is nested too deeply.")
        except (ValueError, TypeError, AttributeError) as error:
            return _refusal(400, str(error))


def _made_up_answer(fault: Fault, api_key: str) -> Answer:
    headers = {name.lower(): text.replace("{api_key}", api_key) for name, text in fault.headers.items()}
    headers.setdefault("content-type", "text/plain; charset=utf-8")
    is_json = headers["content-type"].startswith("application/json")
    in_body = json.dumps(api_key)[1:-1] if is_json else api_key
    return Answer(fault.status, fault.body.replace("{api_key}", in_body).encode(), headers)


def _refusal(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Answer:
    return _json(status, {"error": sentence}, headers)


def _api_refusal(status: int, sentence: str, headers: Mapping[str, str]) -> Answer:
    """Returns a refusal in the form of ngrok's errors, without the details that only processed requests have."""
    return _json(status, {"status_code": status, "msg": sentence, "details": {}}, headers)


def _json(status: int, content: object, headers: Mapping[str, str] | None = None) -> Answer:
    # json.dumps escapes half a surrogate pair, which the body of a logged request may contain and UTF-8 cannot encode.
    return Answer(status, json.dumps(content).encode(), {"content-type": "application/json", **(headers or {})})

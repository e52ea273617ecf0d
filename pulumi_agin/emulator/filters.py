"""CEL filters of a list, by cel-python."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import celpy
from celpy import celtypes
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError

from pulumi_agin.emulator import errors
from pulumi_agin.emulator.store import Ingress

_EXAMPLE = Ingress("agin_" + "0" * 27, 0, datetime.fromtimestamp(0, timezone.utc), "", "", "", None, None, [], [])


class Filter:
    """A filter over `obj`, with id, created_at (a timestamp), description, metadata and domain.

    Refused (ERR_NGROK_250) when it can't be parsed, names another field, or isn't true or false: whatever
    ingresses there are, since it is tried on an example first.
    """

    def __init__(self, text: str, now: datetime) -> None:
        self._now = now
        environment = celpy.Environment()
        try:
            self._program = environment.program(environment.compile(text))
        except (CELParseError, RecursionError) as error:
            raise errors.invalid_filter(_first_line(error)) from error
        self.matches(_EXAMPLE)

    def matches(self, ingress: Ingress) -> bool:
        fields: dict[str, Any] = {
            name: celtypes.StringType(getattr(ingress, name)) for name in ("id", "description", "metadata", "domain")
        }
        fields["created_at"] = celtypes.TimestampType(ingress.created_at)
        context: dict[str, Any] = {"obj": _map(fields), "time": _map({"now": celtypes.TimestampType(self._now)})}
        try:
            found: object = self._program.evaluate(context)
        except (CELEvalError, RecursionError) as error:
            raise errors.invalid_filter(_first_line(error)) from error
        if not isinstance(found, (bool, celtypes.BoolType)):
            raise errors.invalid_filter("the expression is neither true nor false")
        return bool(found)


def _map(fields: dict[str, Any]) -> celtypes.MapType:
    return celtypes.MapType({celtypes.StringType(name): value for name, value in fields.items()})


def _first_line(error: Exception) -> str:
    """Without cel-python's own inner workings, which it prints after an undeclared name."""
    return str(error.args[0] if error.args else error).partition("\n")[0].partition(" (in activation")[0]

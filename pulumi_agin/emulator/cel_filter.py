"""Filters in CEL, evaluated by cel-python."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import celpy
from celpy import celtypes
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError

from .error_codes import coded
from .store import Ingress

_EXAMPLE = Ingress("agin_" + "0" * 27, 0, datetime.fromtimestamp(0, timezone.utc), "")


class CelFilter:
    """A filter over `obj`, which has id, created_at (a timestamp), description, metadata and domain.

    An expression that can't be parsed, names another field, or is neither true nor false, is ERR_NGROK_250.
    """

    def __init__(self, expression: str, now: datetime) -> None:
        self._now = now
        environment = celpy.Environment()
        try:
            self._program = environment.program(environment.compile(expression))
        except CELParseError as error:
            raise coded(250, detail=_first_line(error)) from error
        # A wrong filter is rejected even if there are no ingresses.
        self.matches(_EXAMPLE)

    def matches(self, ingress: Ingress) -> bool:
        fields: dict[str, Any] = {
            name: celtypes.StringType(getattr(ingress, name)) for name in ("id", "description", "metadata", "domain")
        }
        fields["created_at"] = celtypes.TimestampType(ingress.created_at)
        context: dict[str, Any] = {"obj": _map(fields), "time": _map({"now": celtypes.TimestampType(self._now)})}
        try:
            result: object = self._program.evaluate(context)
        except CELEvalError as error:
            raise coded(250, detail=_first_line(error)) from error
        if not isinstance(result, (bool, celtypes.BoolType)):
            raise coded(250, detail="the expression is neither true nor false")
        return bool(result)


def _map(fields: dict[str, Any]) -> celtypes.MapType:
    return celtypes.MapType({celtypes.StringType(name): value for name, value in fields.items()})


def _first_line(error: Exception) -> str:
    """Returns the first line of an error, without the internals that cel-python prints after an undeclared name."""
    return str(error.args[0] if error.args else error).partition("\n")[0].partition(" (in activation")[0]

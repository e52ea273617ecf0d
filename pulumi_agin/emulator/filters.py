"""The CEL filters of lists, evaluated by cel-python."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import celpy
from celpy import celtypes
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError

from .errors import coded
from .store import Ingress

_EXAMPLE = Ingress("agin_" + "0" * 27, 0, datetime.fromtimestamp(0, timezone.utc), "")


class Filter:
    """A filter over `obj`, which has id, created_at (a timestamp), description, metadata and domain."""

    def __init__(self, text: str, now: datetime) -> None:
        """Parses the filter, and tries it on an example, so that a wrong one is refused even if there are no ingresses.

        Args:
            text: The CEL expression.
            now: The value of `time.now`.

        Raises:
            ApiError: ERR_NGROK_250: the expression cannot be parsed, names another field, or is neither true nor false.
        """
        self._now = now
        environment = celpy.Environment()
        try:
            self._program = environment.program(environment.compile(text))
        except CELParseError as error:
            raise coded(250, detail=_first_line(error)) from error
        self.matches(_EXAMPLE)

    def matches(self, ingress: Ingress) -> bool:
        """Returns whether the filter holds for an ingress.

        Args:
            ingress: The ingress.

        Raises:
            ApiError: ERR_NGROK_250: the expression fails for this ingress, or is neither true nor false.
        """
        fields: dict[str, Any] = {
            name: celtypes.StringType(getattr(ingress, name)) for name in ("id", "description", "metadata", "domain")
        }
        fields["created_at"] = celtypes.TimestampType(ingress.created_at)
        context: dict[str, Any] = {"obj": _map(fields), "time": _map({"now": celtypes.TimestampType(self._now)})}
        try:
            found: object = self._program.evaluate(context)
        except CELEvalError as error:
            raise coded(250, detail=_first_line(error)) from error
        if not isinstance(found, (bool, celtypes.BoolType)):
            raise coded(250, detail="the expression is neither true nor false")
        return bool(found)


def _map(fields: dict[str, Any]) -> celtypes.MapType:
    return celtypes.MapType({celtypes.StringType(name): value for name, value in fields.items()})


def _first_line(error: Exception) -> str:
    """Returns the first line of an error, without the internals that cel-python prints after an undeclared name."""
    return str(error.args[0] if error.args else error).partition("\n")[0].partition(" (in activation")[0]

"""The filters of lists, in CEL, which cel-python evaluates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import celpy
from celpy import celtypes
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError

from .error_codes import coded, require
from .store import Ingress, new_ingress, timestamp

_STRINGS = ("id", "description", "metadata", "domain")
# A wrong filter is rejected even if there are no ingresses.
_EXAMPLE = new_ingress(0, "", 1.4e9)


def select(ingresses: Sequence[Ingress], expression: str, now: float) -> list[Ingress]:
    """Returns the ingresses for which an expression is true.

    It has `obj`, with the strings above and the timestamp `created_at`, and `time.now`. An expression that can't be
    parsed, names another field, or is neither true nor false, is ERR_NGROK_250.
    """
    environment = celpy.Environment()
    try:
        program = environment.program(environment.compile(expression))
        results = [program.evaluate(_context(ingress, now)) for ingress in (_EXAMPLE, *ingresses)]
    except (CELParseError, CELEvalError) as error:
        # The rest of the message is internals of cel-python.
        detail = str(error.args[0] if error.args else error).partition("\n")[0]
        raise coded(250, detail=detail.partition(" (in activation")[0]) from error
    is_condition = all(isinstance(result, (bool, celtypes.BoolType)) for result in results)
    require(is_condition, 250, detail="the expression is neither true nor false")
    return [ingress for ingress, result in zip(ingresses, results[1:], strict=True) if result]


def _context(ingress: Ingress, now: float) -> dict[str, Any]:
    obj = {name: celtypes.StringType(getattr(ingress, name)) for name in _STRINGS}
    created_at = celtypes.TimestampType(ingress.created_at)
    return {"obj": _map(**obj, created_at=created_at), "time": _map(now=celtypes.TimestampType(timestamp(now)))}


def _map(**fields: Any) -> celtypes.MapType:
    return celtypes.MapType({celtypes.StringType(name): value for name, value in fields.items()})

"""The filters of lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from .store import Ingress

_ONE_DOMAIN = re.compile(r'obj\.domain == "([^"\\\r\n]*)"')


def parse_filter(expression: str, now: datetime) -> Callable[[Ingress], bool]:
    """Returns the condition of a filter. An invalid one raises ERR_NGROK_250."""
    if selected := _ONE_DOMAIN.fullmatch(expression):
        return lambda ingress: ingress.domain == selected[1]
    # cel-python and the packages that it needs take as long to load as the whole emulator.
    from .cel_filter import CelFilter

    return CelFilter(expression, now).matches

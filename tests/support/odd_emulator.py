"""An emulator whose responses can have other forms, none of which ngrok's documentation excludes."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any, Literal

from pulumi_agin.emulator import Emulator
from pulumi_agin.emulator.api_request import ApiRequest, ApiResponse

UNKNOWN_KEYS = {"from_the_future": {"kept": [1, None]}, "ip_policy_ids": []}


@dataclass(frozen=True)
class Oddities:
    """What is different in each response."""

    order: Literal["as_made", "reversed", "shuffled"] = "as_made"
    """The order of `ns_targets` and `region_domains`; "shuffled" is another one in each response."""
    upper_case: bool = False
    """Whether domain names are in upper case."""
    trailing_dots: bool = False
    """Whether `ns_targets` end in a dot."""
    empty: Literal["absent", "null", "string"] = "absent"
    """The form of an empty description or metadata."""
    unknown_keys: bool = False
    """Whether every object has undocumented keys."""

    def apply(self, response: ApiResponse) -> ApiResponse:
        if not response.body or response.status >= 300:
            return response
        content = json.loads(response.body)
        for ingress in content.get("ingresses", [content]):
            self._change(ingress)
        if self.unknown_keys:
            content |= UNKNOWN_KEYS
        return ApiResponse(response.status, json.dumps(content).encode(), response.headers)

    def _change(self, ingress: dict[str, Any]) -> None:
        if self.empty != "absent":
            for name in ("description", "metadata"):
                ingress.setdefault(name, "" if self.empty == "string" else None)
        if self.trailing_dots:
            ingress["ns_targets"] = [name.rstrip(".") + "." for name in ingress["ns_targets"]]
        if self.upper_case:
            ingress["domain"] = ingress["domain"].upper()
        for name in ("ns_targets", "region_domains"):
            if self.upper_case:
                ingress[name] = [each.upper() for each in ingress[name]]
            if self.order == "reversed":
                ingress[name].reverse()
            elif self.order == "shuffled":
                random.shuffle(ingress[name])
        if self.unknown_keys:
            status = ingress["certificate_management_status"] or {}
            for each in (ingress, ingress["certificate_management_policy"], status, status.get("provisioning_job")):
                if each:
                    each |= UNKNOWN_KEYS


class OddEmulator(Emulator):
    """An emulator with oddities, which a reset removes."""

    oddities = Oddities()

    def reset(self) -> None:
        super().reset()
        self.oddities = Oddities()

    def start(self) -> Emulator:
        super().start()
        server = self._server
        assert server
        in_usual_form = server.carry_out

        def carry_out(request: ApiRequest) -> ApiResponse:
            return self.oddities.apply(in_usual_form(request))

        server.carry_out = carry_out  # type: ignore[method-assign]
        return self

"""The plugin of `acmedns`, a DNS package for tests, and of `aws`, as far as `agin.dns.aws` needs it.

The engine runs `python -m tests.support.dns_provider FILE`.

It stands in for the real plugins, which no test can run, and behaves as they were seen to behave:

- `acmedns:index:RecordSet` has all values of a name, like the resources of Gandi and NS1. It can choose the name
  itself, and a new name replaces it. Its import ID is `acme.com/connect/NS`, and its ID is `acme.com:connect`.
- `acmedns:index:Record` has one value, like DigitalOcean's resource. Everything but the zone is updated in place. Its
  import ID is `acme.com,1`, and its ID is `1`.
- `acmedns:index:getRecords` returns the records of a name, like DigitalOcean's function. That of `aws` returns the
  record sets whose names match.

Both resources return detailed diffs, and refuse to create records that exist.
"""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import provider_pb2

from tests.support.dns_provider.service import DnsService, RefusedError
from tests.support.stand_in import StandIn, serve

# Where plugins of the Terraform bridge list the inputs that they chose themselves.
DEFAULTS = "__defaults"


class Resource(ABC):
    """A resource type of the package: its inputs, and its calls of the service."""

    fields: tuple[str, ...]
    replacing: frozenset[str]
    auto_named: str | None = None

    def __init__(self, service: DnsService) -> None:
        self.service = service

    @abstractmethod
    def id_of(self, id_: str) -> str:
        """Returns the ID that the state has, for that ID or for an import ID."""

    @abstractmethod
    def create(self, inputs: Mapping[str, Any]) -> str:
        """Creates it and returns its ID.

        Raises:
            RefusedError: The service refuses that.
        """

    @abstractmethod
    def read(self, id_: str) -> dict[str, Any] | None:
        """Returns the inputs that the service has, or None if it is gone."""

    @abstractmethod
    def update(self, id_: str, inputs: Mapping[str, Any]) -> None:
        """Updates it in place.

        Raises:
            RefusedError: The service refuses that.
        """

    @abstractmethod
    def delete(self, id_: str) -> None:
        """Deletes it."""


class RecordSet(Resource):
    """All values of a name in one resource."""

    fields = ("zone", "name", "ttl", "values")
    replacing = frozenset({"zone", "name"})
    auto_named = "name"

    def id_of(self, id_: str) -> str:
        if "/" not in id_:
            return id_
        zone, name, _ = id_.split("/")
        return f"{zone}:{name}"

    def create(self, inputs: Mapping[str, Any]) -> str:
        self.service.create_set(inputs["zone"], inputs["name"], int(inputs["ttl"]), inputs["values"])
        return f"{inputs['zone']}:{inputs['name']}"

    def read(self, id_: str) -> dict[str, Any] | None:
        zone, _, name = id_.partition(":")
        found = self.service.records(zone, name)
        if not found:
            return None
        return {"zone": zone, "name": name, "ttl": found[0].ttl, "values": [each.value for each in found]}

    def update(self, id_: str, inputs: Mapping[str, Any]) -> None:
        self.service.update_set(inputs["zone"], inputs["name"], int(inputs["ttl"]), inputs["values"])

    def delete(self, id_: str) -> None:
        zone, _, name = id_.partition(":")
        self.service.delete_set(zone, name)


class Route53Record(Resource):
    """All values of a name in Route 53. Its ID is its import ID."""

    fields = ("zoneId", "name", "type", "ttl", "records")
    replacing = frozenset({"zoneId", "name", "type"})

    def id_of(self, id_: str) -> str:
        return id_

    def create(self, inputs: Mapping[str, Any]) -> str:
        self.service.create_set(inputs["zoneId"], inputs["name"], int(inputs["ttl"]), inputs["records"])
        return f"{inputs['zoneId']}_{inputs['name']}_{inputs['type']}"

    def read(self, id_: str) -> dict[str, Any] | None:
        zone_id, name, type_ = id_.split("_")
        found = self.service.records(zone_id, name)
        if not found:
            return None
        return {
            "zoneId": zone_id,
            "name": name,
            "type": type_,
            "ttl": found[0].ttl,
            "records": [each.value for each in found],
        }

    def update(self, id_: str, inputs: Mapping[str, Any]) -> None:
        self.service.update_set(inputs["zoneId"], inputs["name"], int(inputs["ttl"]), inputs["records"])

    def delete(self, id_: str) -> None:
        zone_id, name, _ = id_.split("_")
        self.service.delete_set(zone_id, name)


class Record(Resource):
    """One value of a name."""

    fields = ("zone", "name", "ttl", "value")
    replacing = frozenset({"zone"})

    def id_of(self, id_: str) -> str:
        return id_.rpartition(",")[2]

    def create(self, inputs: Mapping[str, Any]) -> str:
        return str(self.service.create(inputs["zone"], inputs["name"], int(inputs["ttl"]), inputs["value"]))

    def read(self, id_: str) -> dict[str, Any] | None:
        found = self.service.record(int(id_))
        if found is None:
            return None
        return {"zone": found.zone, "name": found.name, "ttl": found.ttl, "value": found.value}

    def update(self, id_: str, inputs: Mapping[str, Any]) -> None:
        self.service.update(int(id_), inputs["name"], int(inputs["ttl"]), inputs["value"])

    def delete(self, id_: str) -> None:
        self.service.delete(int(id_))


class Plugin(StandIn):
    """The plugin that the engine calls."""

    def __init__(self, service: DnsService) -> None:
        self._service = service
        self._types: dict[str, Resource] = {
            "acmedns:index:RecordSet": RecordSet(service),
            "acmedns:index:Record": Record(service),
            "aws:route53/record:Record": Route53Record(service),
        }

    def _type(self, urn: str) -> Resource:
        return self._types[urn.split("::")[2].rpartition("$")[2]]

    def Invoke(self, request: Any, context: Any) -> provider_pb2.InvokeResponse:  # noqa: N802
        args = MessageToDict(request.args)
        if request.tok == "aws:route53/getRecords:getRecords":
            names = [name for name in self._service.names(args["zoneId"]) if re.search(args["nameRegex"], name)]
            result = {**args, "id": args["zoneId"], "resourceRecordSets": [{"name": n, "type": "NS"} for n in names]}
        else:
            found = self._service.records(args["zone"], args["name"])
            result = {"records": [{"id": each.number, "value": each.value} for each in found]}
        answer: dict[str, Any] = {"return": _struct(result)}  # the name is a keyword of Python
        return provider_pb2.InvokeResponse(**answer)

    def Check(self, request: Any, context: Any) -> provider_pb2.CheckResponse:  # noqa: N802
        type_, olds, news = self._type(request.urn), MessageToDict(request.olds), MessageToDict(request.news)
        defaults = []
        if type_.auto_named and type_.auto_named not in news:
            defaults.append(type_.auto_named)
            own = type_.auto_named in olds.get(DEFAULTS, [])
            news[type_.auto_named] = olds[type_.auto_named] if own else f"{request.name}-{token_hex(4)}"
        return provider_pb2.CheckResponse(inputs=_struct({**news, DEFAULTS: defaults}))

    def Diff(self, request: Any, context: Any) -> provider_pb2.DiffResponse:  # noqa: N802
        type_ = self._type(request.urn)
        olds, news = MessageToDict(request.old_inputs), MessageToDict(request.news)
        # An unknown value is a string that differs from all others.
        changed = [name for name in type_.fields if olds.get(name) != news.get(name)]
        replaces = [name for name in changed if name in type_.replacing]
        in_place, replacing = provider_pb2.PropertyDiff.UPDATE, provider_pb2.PropertyDiff.UPDATE_REPLACE
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            replaces=replaces,
            diffs=changed,
            detailedDiff={
                name: provider_pb2.PropertyDiff(kind=replacing if name in replaces else in_place, inputDiff=True)
                for name in changed
            },
            hasDetailedDiff=True,
            # As the Terraform bridge does: if the program gave a name that the package could have chosen, the bridge
            # assumes that two resources cannot have that name at the same time.
            deleteBeforeReplace=bool(replaces) and type_.auto_named not in (None, *news.get(DEFAULTS, [])),
        )

    def Create(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:  # noqa: N802
        try:
            id_ = self._type(request.urn).create(MessageToDict(request.properties))
        except RefusedError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        return provider_pb2.CreateResponse(id=id_, properties=request.properties)

    def Read(self, request: Any, context: Any) -> provider_pb2.ReadResponse:  # noqa: N802
        type_ = self._type(request.urn)
        id_ = type_.id_of(request.id)
        found = type_.read(id_)
        if found is None:
            return provider_pb2.ReadResponse()
        # An import has no earlier inputs. Then the name counts as given by the program.
        defaults = MessageToDict(request.inputs).get(DEFAULTS, [])
        properties = _struct({**found, DEFAULTS: defaults})
        return provider_pb2.ReadResponse(id=id_, properties=properties, inputs=properties)

    def Update(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:  # noqa: N802
        try:
            self._type(request.urn).update(request.id, MessageToDict(request.news))
        except RefusedError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        return provider_pb2.UpdateResponse(properties=request.news)

    def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        self._type(request.urn).delete(request.id)
        return empty_pb2.Empty()


def _struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(values)
    return struct


if __name__ == "__main__":
    # The engine adds another argument.
    serve(Plugin(DnsService(Path(sys.argv[1]))))

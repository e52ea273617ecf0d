"""The lifecycle of each resource, on plain values, without Pulumi's SDK, gRPC or protobuf.

`agent_ingress` and `certificate` are two of them; that of an Rfc2136Delegation is in `rfc2136`. A front end, such as
`pulumi_agin.dynamic` for Python programs, makes `Services` (with its `Phrasing` and ways to log and warn) and `Claims`
once for its process, and a lifecycle for each resource. It passes on each call of the engine as in `operation`, with
the names of properties in snake_case, without properties of Pulumi, and with an `UnsupportedValue` for an asset or a
reference, unless the SDK rejects these.
"""

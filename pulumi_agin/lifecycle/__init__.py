"""The lifecycle of each resource, on plain values, without Pulumi's SDK, gRPC or protobuf.

A door, such as `pulumi_agin.dynamic` for Python programs, calls it. `call` has what a door passes in, and `results`
what it gets back.
"""

"""The lifecycle of each resource, on plain values, without Pulumi's SDK, gRPC or protobuf.

A front end, such as `pulumi_agin.dynamic` for Python programs, calls it. `operation` has the types that they exchange.
"""

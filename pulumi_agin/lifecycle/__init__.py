"""What happens to each resource, whoever asks: on plain values, without Pulumi's SDK, gRPC or protobuf.

A door calls it: `pulumi_agin.dynamic` for Python programs. `call` is what a door says, `results` what it gets back.
"""

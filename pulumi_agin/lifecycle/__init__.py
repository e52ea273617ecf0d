"""Lifecycle of each resource on plain dicts, for both front ends: check, diff, create, read, update, delete.

Nothing here knows Pulumi's SDK or gRPC.
"""

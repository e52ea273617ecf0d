"""Lifecycles of resources on plain dicts, for both front ends: check, diff, create, read, update, delete.

No module in this package imports Pulumi's SDK or gRPC.
"""

"""Shared code of `api` and `rfc2136`: clock, budget and attempts of a call, progress, and strings for messages.

Programs load most of these modules at their start, so they load quickly.
"""

"""NS records at a name server that accepts DNS updates (RFC 2136), such as BIND, on dnspython.

An extra: `declaration` has the inputs, `records` the lifecycle, and `exchange` sends messages to the server.
"""

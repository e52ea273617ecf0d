"""NS records at a name server that accepts DNS updates (RFC 2136), such as BIND, on dnspython.

An extra: `declaration` has the inputs, `records` the lifecycle, `primary_server` the reads and writes with what becomes
of a lost response, and `exchange` sends one message.
"""

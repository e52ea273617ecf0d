"""NS records at a name server that accepts DNS updates (RFC 2136), such as BIND, on dnspython.

An extra. `declaration` has the inputs, and `records` has the lifecycle. `primary_server` reads and writes the records,
and handles lost responses. `exchange` sends one message.
"""

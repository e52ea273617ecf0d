"""The version. The build reads it, and each request to ngrok contains it.

It is a constant, because asking Python for the version of an installed package takes longer than some requests.
"""

VERSION = "0.10.0"

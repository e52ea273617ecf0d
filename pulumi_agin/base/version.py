"""The version of the package, which the build reads and each request to ngrok contains.

It is a constant, because reading the version from the installed package's metadata takes longer than some requests.
"""

VERSION = "1.8.0"

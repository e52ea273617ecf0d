"""Version of the package, which the build reads and each request to ngrok contains.

A constant, because reading the version from the installed package's metadata takes longer than some requests.
"""

VERSION = "0.9.0"

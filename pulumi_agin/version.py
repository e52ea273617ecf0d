"""The version: read by the build, and sent to ngrok with each request.

Here, as to ask Python for the version of a package that is installed takes longer than some whole requests do.
"""

VERSION = "0.5.0"

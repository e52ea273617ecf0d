"""Strings of this package in users' states."""

# The pickled providers after their first four characters: `refresh` and `destroy` load them from a state.
PROVIDERS_IN_STATES = {
    "AgentIngressProvider": (
        "QQAAAAAAAACMIXB1bHVtaV9hZ2luLmR5bmFtaWMuYWdlbnRfaW5ncmVzc5SMFEFnZW50SW5ncmVzc1Byb3ZpZGVylJOUKYGULg=="
    ),
    "CertificateValidationProvider": (
        "SAAAAAAAAACMH3B1bHVtaV9hZ2luLmR5bmFtaWMuY2VydGlmaWNhdGWUjB1DZXJ0aWZpY2F0ZVZhbGlkYXRpb25Qcm92aWRlcpSTlCmBlC4="
    ),
    "Rfc2136Provider": "NgAAAAAAAACMG3B1bHVtaV9hZ2luLmR5bmFtaWMucmZjMjEzNpSMD1JmYzIxMzZQcm92aWRlcpSTlCmBlC4=",
}

# These four, by pickle protocol. The SDK uses Python's default protocol, which is 5 from Python 3.14 on.
PICKLE_BEGINNINGS = {4: "gASV", 5: "gAWV"}

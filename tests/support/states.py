"""What users' states hold of this package."""

# The provider, by pickle protocol: `refresh` and `destroy` load it from a state. The SDK takes the interpreter's
# default protocol, which is 5 from Python 3.14 on.
PROVIDER_IN_STATES = {
    4: "gASVQQAAAAAAAACMIXB1bHVtaV9hZ2luLmR5bmFtaWMuYWdlbnRfaW5ncmVzc5SMFEFnZW50SW5ncmVzc1Byb3ZpZGVylJOUKYGULg==",
    5: "gAWVQQAAAAAAAACMIXB1bHVtaV9hZ2luLmR5bmFtaWMuYWdlbnRfaW5ncmVzc5SMFEFnZW50SW5ncmVzc1Byb3ZpZGVylJOUKYGULg==",
}

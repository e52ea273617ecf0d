"""Shared helpers. Test modules do not import each other.

A Pulumi program with the real engine (`tests/engine`, `tests/docs`)
    project             `Project`: a folder with a program and a stack, and the CLI's commands on it
    result              `Result`: the output of a command of the CLI
    projects            the fixtures `project`, `yaml_project`, `typescript_project`
    vault               encrypts the stacks' secrets instead of a passphrase, which costs more CPU time
    cloud_provider      a service instead of the plugins of DNS providers and clouds

A Pulumi program under Pulumi's mocks (`tests/program`)
    mocks               the fixture `mocks`, and `run`
    adapters.yaml       the adapters for DNS providers, with the records that each declares
    delegations         programs with a delegation

A provider's process without the engine (`tests/servicer`)
    plugin              both front ends, called as the engine calls them
    flaky_proxy         a connection that loses or changes responses

ngrok and DNS
    ngrok               ingresses outside of any state, requests since the last call, and other emulator helpers
    emulator            requests to the emulator's API, and its clock
    bind                BIND's named as an ordinary process; `make demo FULL=1` runs it as well
    records             NS records in a real BIND, and the Rfc2136Delegation that manages them
    dns_server          a DNS server of zones that a test chooses
    keys                API keys, and a search for one in a string

The rest
    set_up              fixtures that are made once: the CLI, a user's environment, language hosts, npm packages
    clone               a copy of the repository
    clock, waiting      a simulated clock, and waiting until a condition is true
    pages, pyproject    the code blocks of the docs, and pyproject.toml
    workflows           the workflows on GitHub, and steps of a release
    ports               free ports, and those of ended servers
    background          a server of Python's library in a thread
"""

"""What the tests are written with. No test module imports another one; what two of them need is here.

A Pulumi program, with the real engine (`tests/engine`, `tests/docs`)
    project             the `project` fixture: a folder with a program and a stack, and the CLI's commands on it
    projects            the fixtures `project`, `new_project`, `yaml_project`, `typescript_project`
    vault               what encrypts the stacks' secrets, quicker than a passphrase does
    dns_provider, cloud_provider, stand_in
                        plugins in place of those of DNS providers

A Pulumi program under Pulumi's mocks (`tests/program`)
    mocks               the fixtures `mocks` and `preview`, and `run`

A provider's process without the engine (`tests/servicer`)
    plugin              both plugins, called as the engine calls them
    flaky_proxy, slow_api
                        a network between plugin and API that fails

ngrok and DNS
    ngrok               ingresses that no state knows, and the requests since the last look
    records             NS records in a real BIND
    wire                raw bytes in place of an API's response
    keys                API keys
    emulator            requests to the emulator's API, and the time that it uses
    dns_server          a DNS server whose responses a test writes itself

The rest
    set_up              fixtures for what is made once: the CLI, a user's environment, language hosts, npm's packages
    clock, waiting      time that is handed in, and waiting for what happens
    command, terminal, stub_cli
                        the command line of pulumi-agin, a pseudo terminal, a `pulumi` that answers from a table
    pages, pyproject    the blocks of the docs, and pyproject.toml
    ports, git_host     free ports, and a stand-in for GitHub
"""

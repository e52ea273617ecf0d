"""`make acceptance`: asks the real ngrok what the emulator guesses, and runs a whole life of an ingress on it.

| module | what |
|---|---|
| `service.py` | sends one request exactly as it is told, and keeps to the limit of the account |
| `ingresses.py` | the domains that the run uses, and how it deletes what it created |
| `session.py` | the ingresses that the questions need, and what is interesting about answers |
| `probes/` | the questions, each with the guess that it checks |
| `comparison.py` | asks both the emulator and the service, and compares the answers |
| `wording.py` | takes keys, ids and everything of the account out of answers |
| `life.py` | the whole life of an ingress through Pulumi's engine |
| `report.py` | the report, in Markdown |
"""

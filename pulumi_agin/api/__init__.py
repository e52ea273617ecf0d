"""ngrok's HTTP API for Agent Ingresses. Knows nothing of Pulumi."""

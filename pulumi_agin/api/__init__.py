"""ngrok's HTTP API for Agent Ingresses, independent of Pulumi."""

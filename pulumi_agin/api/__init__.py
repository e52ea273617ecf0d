"""ngrok's HTTP API for Agent Ingresses, without Pulumi's SDK."""

"""The engine's protocol for both front ends: its generated classes, log lines, and how a call fails."""

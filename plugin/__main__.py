"""Entry point of the provider plugin. Pulumi's Python host runs this folder with the engine's address as argument."""

from pulumi_agin.native import main

main()

//go:build sdk

// The imports of a generated Go SDK, which also uses the versions that go.mod pins.

package main

import (
	_ "github.com/blang/semver"
	_ "github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	_ "github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

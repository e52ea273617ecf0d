//go:build sdk

// The imports of a generated Go SDK: the versions that go.mod pins are taken for it, too.

package main

import (
	_ "github.com/blang/semver"
	_ "github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	_ "github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

//go:build dotnet

package main

import (
	"net/http"
	"net/http/httptest"

	"github.com/pulumi/pulumi/pkg/v3/codegen/dotnet"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

var generators = map[string]generator{
	"dotnet": func(bound *schema.Package, _ schema.ReferenceLoader) (map[string][]byte, error) {
		// The generator downloads a logo, whatever the schema says. Here it gets an empty file.
		logo := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		defer logo.Close()
		bound.LogoURL = logo.URL
		return dotnet.GeneratePackage(tool, bound, nil, nil)
	},
}

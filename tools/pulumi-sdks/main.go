// Command pulumi-sdks checks the schema of a provider, and writes the SDKs that Pulumi's own generators create from it.
//
//	pulumi-sdks SCHEMA FOLDER
//
// Each SDK is in FOLDER under the name of its language.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	golang "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// The name of this program, in the first lines of the files that it writes.
const tool = "pulumi-sdks"

type generator func(*schema.Package, schema.ReferenceLoader) (map[string][]byte, error)

var generators = map[string]generator{
	"nodejs": func(bound *schema.Package, loader schema.ReferenceLoader) (map[string][]byte, error) {
		return nodejs.GeneratePackage(tool, bound, nil, nil, true, loader)
	},
	"go": func(bound *schema.Package, _ schema.ReferenceLoader) (map[string][]byte, error) {
		return golang.GeneratePackage(tool, bound, nil)
	},
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: pulumi-sdks SCHEMA FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file, folder string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	// It loads nothing, because the schema refers to no other package.
	loader := schema.NewCachedLoader(nil)
	for language, generate := range generators {
		// Each gets its own package, because generators change it.
		bound, err := bind(text, loader)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		sources, err := generate(bound, loader)
		if err != nil {
			return fmt.Errorf("%s: %w", language, err)
		}
		if err := write(filepath.Join(folder, language), sources); err != nil {
			return err
		}
	}
	return nil
}

// bind checks the schema. It prints all problems with it, including warnings, which are errors here.
func bind(text []byte, loader schema.Loader) (*schema.Package, error) {
	var spec schema.PackageSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, err
	}
	if spec.Meta == nil {
		spec.Meta = &schema.MetadataSpec{}
	}
	// As in `pulumi package add`.
	spec.Meta.SupportPack = true
	bound, diagnostics, err := schema.BindSpec(spec, loader, schema.ValidationOptions{})
	for _, each := range diagnostics {
		fmt.Fprintf(os.Stderr, "%s: %s\n", each.Summary, each.Detail)
	}
	if err == nil && len(diagnostics) > 0 {
		err = fmt.Errorf("%d things are wrong with the schema", len(diagnostics))
	}
	return bound, err
}

func write(folder string, sources map[string][]byte) error {
	for name, source := range sources {
		file := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, source, 0o644); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"fmt"

	"omega-export/schemas"
)

// schemasFlag says which schema files are used.
type schemasFlag struct {
	Schemas string `placeholder:"FOLDER" help:"Schema files of your own, that stand over the built-in ones (see omega-export schema infer --help)."`
}

// load reads the schema files.
func (f schemasFlag) load() (*schemas.Set, error) {
	if f.Schemas == "" {
		return schemas.Embedded()
	}
	set, err := schemas.Load(f.Schemas)
	if err != nil {
		return nil, &configError{fmt.Errorf("--schemas %s: %w", f.Schemas, err)}
	}
	return set, nil
}

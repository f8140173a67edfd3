// Package schemas holds what the API's guide says of the documents: the fields of the root that every
// demande has, in the guide's order, the names of the five blocks, and the list of types.
//
// It knows nothing of JSON answers, of Arrow or of files; the fields inside the blocks are not public, so they
// are not here: the flatten room learns them from the answers.
package schemas

import (
	"bytes"
	_ "embed"
	"fmt"

	"go.yaml.in/yaml/v3"
)

//go:embed racine.yaml
var rootFile []byte

//go:embed types.yaml
var typesFile []byte

// Column is one declared column of a table.
type Column struct {
	// Path is the value's place in the document, one key a level.
	Path []string `yaml:"chemin"`
	// Type is STRING, BOOLEAN, INT64, DOUBLE, DATE or TIMESTAMP.
	Type string `yaml:"type"`
	// Description is in French, after the guide (§ 2.2.2).
	Description string `yaml:"description"`
}

// Root is what all types of demande have in common (guide, § 2.2.2).
type Root struct {
	Version int      `yaml:"version"`
	Columns []Column `yaml:"colonnes"`
	// Blocks are the keys of the five blocks, in the guide's order.
	Blocks []string `yaml:"blocs"`
}

// Type is one type of demande (guide, § 1.2).
type Type struct {
	Code  string `yaml:"code"`
	Label string `yaml:"libelle"`
}

// LoadRoot reads the embedded root schema.
func LoadRoot() (Root, error) {
	var root Root
	if err := decode(rootFile, &root); err != nil {
		return Root{}, fmt.Errorf("reading the embedded schema racine.yaml: %w", err)
	}
	return root, nil
}

// LoadTypes reads the embedded list of types, in the guide's order.
func LoadTypes() ([]Type, error) {
	var list struct {
		Version int    `yaml:"version"`
		Types   []Type `yaml:"types"`
	}
	if err := decode(typesFile, &list); err != nil {
		return nil, fmt.Errorf("reading the embedded list types.yaml: %w", err)
	}
	return list.Types, nil
}

func decode(file []byte, into any) error {
	decoder := yaml.NewDecoder(bytes.NewReader(file))
	decoder.KnownFields(true)
	return decoder.Decode(into)
}

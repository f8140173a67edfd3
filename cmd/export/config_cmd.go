package main

// configCmd is the commands under `config`.
type configCmd struct {
	Check  configCheckCmd  `cmd:"" help:"Say all that is wrong with a configuration, and what would be used; no call."`
	Init   configInitCmd   `cmd:"" help:"Write a commented configuration to begin with."`
	Schema configSchemaCmd `cmd:"" help:"The configuration's JSON Schema, for editors."`
}

// defaultConfig is the configuration that the commands under config take where none is named.
const defaultConfig = "omega-export.yaml"

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// configFile gives flags the values that a YAML file has for them. It is a kong.Resolver.
type configFile struct {
	top      map[string]*yaml.Node
	sections map[string]map[string]*yaml.Node // by command
}

// loadConfig reads a configuration file. kong opens it.
func loadConfig(r io.Reader) (kong.Resolver, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, &configError{fmt.Errorf("reading the configuration file: %w", err)}
	}
	var top map[string]yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&top); err != nil && !errors.Is(err, io.EOF) {
		return nil, &configError{fmt.Errorf("reading the configuration file: %w", err)}
	}
	file := &configFile{top: map[string]*yaml.Node{}, sections: map[string]map[string]*yaml.Node{}}
	for key, node := range top {
		if node.Kind != yaml.MappingNode {
			file.top[key] = &node
			continue
		}
		var section map[string]yaml.Node
		if err := node.Decode(&section); err != nil {
			return nil, &configError{fmt.Errorf("reading the configuration file: key %s (line %d): %w", key, node.Line, err)}
		}
		file.sections[key] = map[string]*yaml.Node{}
		for name, value := range section {
			file.sections[key][name] = &value
		}
	}
	return file, nil
}

// Validate refuses keys that are no flag, lest a misspelt one be passed over.
func (c *configFile) Validate(app *kong.Application) error {
	all, byCommand := flagNames(app)
	for key, node := range c.top {
		if !all[key] {
			return c.unknown(key, node)
		}
	}
	for command, section := range c.sections {
		if byCommand[command] == nil {
			return &configError{fmt.Errorf("configuration file: %s is no command of omega-export", command)}
		}
		for key, node := range section {
			if !byCommand[command][key] {
				return c.unknown(command+"."+key, node)
			}
		}
	}
	return nil
}

func (c *configFile) unknown(key string, node *yaml.Node) error {
	if strings.HasSuffix(key, "client-secret") {
		return &configError{fmt.Errorf("configuration file line %d: a secret does not stand in the configuration: use OMEGA_CLIENT_SECRET or client-secret-file", node.Line)}
	}
	return &configError{fmt.Errorf("configuration file line %d: no flag is named %s", node.Line, key)}
}

// flagNames are the names of all flags, and those of each command.
func flagNames(app *kong.Application) (all map[string]bool, byCommand map[string]map[string]bool) {
	all, byCommand = map[string]bool{}, map[string]map[string]bool{}
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if command, ok := node.(*kong.Node); ok && command.Type == kong.CommandNode {
			byCommand[command.Name] = map[string]bool{}
			for _, flag := range command.Flags {
				all[flag.Name], byCommand[command.Name][flag.Name] = true, true
			}
		}
		return next(nil)
	})
	return all, byCommand
}

// Resolve gives a flag's value from the file, or nil. The environment goes before the file.
func (c *configFile) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	node := c.top[flag.Name]
	if command := parent.Node(); command != nil && c.sections[command.Name][flag.Name] != nil {
		node = c.sections[command.Name][flag.Name]
	}
	if node == nil {
		return nil, nil
	}
	return nodeValue(flag, node)
}

// nodeValue is a value as kong takes it: the text as written, so that 08 and 1.0 stay what they are, or a list of such.
func nodeValue(flag *kong.Flag, node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.ScalarNode:
		return node.Value, nil
	case yaml.SequenceNode:
		values := make([]any, len(node.Content))
		for i, element := range node.Content {
			value, err := elementValue(flag, element)
			if err != nil {
				return nil, err
			}
			values[i] = value
		}
		return values, nil
	}
	return nil, &configError{fmt.Errorf("configuration file line %d: %s takes a plain value", node.Line, flag.Name)}
}

// elementValue is one element of a list: a plain value, or a mapping as key=value pairs with commas between.
func elementValue(flag *kong.Flag, node *yaml.Node) (string, error) {
	if node.Kind == yaml.ScalarNode {
		return node.Value, nil
	}
	var pairs []string
	for i := 0; node.Kind == yaml.MappingNode && i < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if value.Kind != yaml.ScalarNode || strings.Contains(value.Value, ",") {
			return "", &configError{fmt.Errorf("configuration file line %d: %s.%s takes a plain value without a comma", value.Line, flag.Name, key.Value)}
		}
		pairs = append(pairs, key.Value+"="+value.Value)
	}
	if len(pairs) == 0 {
		return "", &configError{fmt.Errorf("configuration file line %d: %s takes a list of plain values", node.Line, flag.Name)}
	}
	return strings.Join(pairs, ","), nil
}

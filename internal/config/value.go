package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Setting is one key of a file, with its value as it stands there.
type Setting struct {
	Key       string // with its place, as exports.nuit.rate
	Name      string // without, as rate
	Line      int
	order     int
	shape     Key
	forbidden map[string]string
	node      *yaml.Node
}

// Value is a setting's value, its variables put in.
type Value struct {
	Elements  []Element // one, unless IsList
	IsList    bool
	Variables []string // the names of the variables that were put in
}

// Element is a plain value, or a mapping.
type Element struct {
	Text   string
	Fields []Field // of a mapping, in the file's order; nil for a plain value
}

// Field is one key of a mapping.
type Field struct {
	Key, Text string
	Line      int
}

// Value puts the variables in. lookup gives a variable's value and whether it is set. Text is as it is written, so that 08 and 1.0
// stay what they are. The error is a *Problem.
func (s *Setting) Value(lookup func(string) (string, bool)) (Value, error) {
	r := resolver{setting: s, lookup: lookup}
	switch {
	case isNull(s.node):
		return Value{}, r.problem(s.node, "it has no value: give it one, or take the key out")
	case s.node.Kind == yaml.ScalarNode:
		text, err := r.text(s.node)
		return Value{Elements: []Element{{Text: text}}, Variables: r.variables}, err
	case s.node.Kind == yaml.SequenceNode && s.shape.List:
		value := Value{IsList: true}
		for _, node := range s.node.Content {
			element, err := r.element(plain(node))
			if err != nil {
				return Value{}, err
			}
			value.Elements = append(value.Elements, element)
		}
		value.Variables = r.variables
		return value, nil
	case s.shape.List:
		return Value{}, r.problem(s.node, "a list is wanted, each element on a line after a dash")
	}
	return Value{}, r.problem(s.node, "one plain value is wanted")
}

// resolver makes one setting's value.
type resolver struct {
	setting   *Setting
	lookup    func(string) (string, bool)
	variables []string
}

func (r *resolver) element(node *yaml.Node) (Element, error) {
	switch {
	case isNull(node):
		return Element{}, r.problem(node, "an element has no value")
	case node.Kind == yaml.ScalarNode:
		text, err := r.text(node)
		return Element{Text: text}, err
	case node.Kind == yaml.MappingNode && r.setting.shape.Fields != nil && len(node.Content) > 0:
		return r.mapping(node)
	case r.setting.shape.Fields != nil:
		return Element{}, r.problem(node, "an element is a mapping of %s", strings.Join(r.setting.shape.Fields, ", "))
	}
	return Element{}, r.problem(node, "an element is one plain value")
}

func (r *resolver) mapping(node *yaml.Node) (Element, error) {
	element := Element{Fields: []Field{}}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], plain(node.Content[i+1])
		switch {
		case r.setting.forbidden[key.Value] != "" && !slices.Contains(r.setting.shape.Fields, key.Value):
			return Element{}, r.problem(key, "%s", r.setting.forbidden[key.Value])
		case !slices.Contains(r.setting.shape.Fields, key.Value):
			hint := ""
			if near := nearest(key.Value, r.setting.shape.Fields); near != "" {
				hint = "; did you mean " + near + "?"
			}
			return Element{}, r.problem(key, "%s is none of %s%s", key.Value, strings.Join(r.setting.shape.Fields, ", "), hint)
		case slices.ContainsFunc(element.Fields, func(f Field) bool { return f.Key == key.Value }):
			return Element{}, r.problem(key, "%s stands there twice", key.Value)
		case value.Kind != yaml.ScalarNode || isNull(value):
			return Element{}, r.problem(value, "%s wants one plain value", key.Value)
		}
		text, err := r.text(value)
		if err != nil {
			return Element{}, err
		}
		element.Fields = append(element.Fields, Field{Key: key.Value, Text: text, Line: value.Line})
	}
	return element, nil
}

// text is a plain value with its variables put in.
func (r *resolver) text(node *yaml.Node) (string, error) {
	text, variables, err := expand(node.Value, r.lookup)
	if err != nil {
		return "", r.problem(node, "%s", err)
	}
	r.variables = append(r.variables, variables...)
	return text, nil
}

func (r *resolver) problem(node *yaml.Node, format string, args ...any) error {
	return &Problem{Line: node.Line, Key: r.setting.Key, Text: fmt.Sprintf(format, args...)}
}

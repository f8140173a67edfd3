package schemas

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mapping gives the values by key, after telling the keys that are unknown, twice there or missing. what names it in messages.
func (r *reader) mapping(node *yaml.Node, what string, needed, optional []string) map[string]*yaml.Node {
	known := slices.Concat(needed, optional)
	if node.Kind != yaml.MappingNode {
		r.fail(node.Line, "%s is a set of keys (%s), not %s", what, strings.Join(known, ", "), kindOf(node))
		return nil
	}
	values := map[string]*yaml.Node{}
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.fail(key.Line, "a key is a word (%s), not %s", strings.Join(known, ", "), kindOf(key))
		case !slices.Contains(known, key.Value):
			r.fail(key.Line, "%s has no key %s%s (its keys: %s)", what, shown(key.Value), suggestion(key.Value, known), strings.Join(known, ", "))
		case values[key.Value] != nil:
			r.fail(key.Line, "the key %s stands on line %d already: leave one out", key.Value, values[key.Value].Line)
		default:
			values[key.Value] = value
		}
	}
	for _, key := range needed {
		if values[key] == nil {
			r.fail(node.Line, "%s needs the key %s: add it", what, key)
		}
	}
	return values
}

// list gives the items of a list; node is nil where the key is missing, which has been told.
func (r *reader) list(node *yaml.Node, key, what string) []*yaml.Node {
	if node == nil {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		r.fail(node.Line, "%s: a list of %s is wanted, or [] for none, not %s", key, what, kindOf(node))
		return nil
	}
	return node.Content
}

// text gives a text; node is nil where the key is missing, which has been told or does not matter.
func (r *reader) text(node *yaml.Node, key string) (string, bool) {
	if node == nil {
		return "", false
	}
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!str" {
		advice := ""
		if node.Kind == yaml.ScalarNode && node.ShortTag() != "!!null" {
			advice = ": put it between quotes"
		}
		r.fail(node.Line, "%s: a text is wanted, not %s%s", key, kindOf(node), advice)
		return "", false
	}
	return node.Value, true
}

// written is text, or a day or number as it is written: "depuis: 2025-02-25" is no text to YAML.
func (r *reader) written(node *yaml.Node, key string) (string, bool) {
	if node != nil && node.Kind == yaml.ScalarNode {
		switch node.ShortTag() {
		case "!!timestamp", "!!int", "!!float":
			return node.Value, true
		}
	}
	return r.text(node, key)
}

// kindOf names what a node is, for a message.
func kindOf(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a set of keys"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "a reference by *, which is not read here"
	}
	switch node.ShortTag() {
	case "!!str":
		return "the text " + shown(node.Value)
	case "!!null":
		return "nothing"
	case "!!bool":
		return "the boolean " + shown(node.Value)
	case "!!int", "!!float":
		return "the number " + shown(node.Value)
	case "!!timestamp":
		return "the date " + shown(node.Value)
	}
	return "a value tagged " + shown(node.ShortTag())
}

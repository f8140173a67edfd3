package config

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pair is one key of a mapping and its value.
type pair struct {
	key   string
	line  int
	value *yaml.Node
}

// readTop reads the file's outermost mapping.
func (f *File) readTop(node *yaml.Node) {
	all := map[string]Key{}
	for _, keys := range f.shape.Commands {
		maps.Copy(all, keys)
	}
	groups := f.groups("")
	for _, p := range f.pairs("", node) {
		switch {
		case p.key == ExportsKey:
			f.readExports(p)
		case groups[p.key] && (p.value.Kind == yaml.MappingNode || !has(all, p.key)):
			f.readCommand(p.key, p)
		default:
			f.readSetting(f.top, "", p, all, append(slices.Collect(maps.Keys(groups)), ExportsKey))
		}
	}
}

// groups are the words that may follow in a command's words.
func (f *File) groups(after string) map[string]bool {
	words := map[string]bool{}
	for command := range f.shape.Commands {
		rest, ok := command, after == ""
		if !ok {
			rest, ok = strings.CutPrefix(command, after+" ")
		}
		if word, _, _ := strings.Cut(rest, " "); ok {
			words[word] = true
		}
	}
	return words
}

func (f *File) readCommand(command string, p pair) {
	path := strings.ReplaceAll(command, " ", ".")
	keys, groups := f.shape.Commands[command], f.groups(command)
	in := section{}
	for _, inner := range f.pairs(path, p.value) {
		if groups[inner.key] {
			f.readCommand(command+" "+inner.key, inner)
			continue
		}
		f.readSetting(in, path, inner, keys, slices.Collect(maps.Keys(groups)))
	}
	f.commands[command] = in
}

func (f *File) readExports(p pair) {
	for _, export := range f.pairs(ExportsKey, p.value) {
		in, path := section{}, ExportsKey+"."+export.key
		for _, inner := range f.pairs(path, export.value) {
			f.readSetting(in, path, inner, f.shape.Exports, nil)
		}
		f.exports[export.key] = in
		f.names = append(f.names, export.key)
	}
}

// readSetting puts one setting in its section, or tells why it cannot. besides are the words that could stand there too.
func (f *File) readSetting(in section, path string, p pair, keys map[string]Key, besides []string) {
	full := p.key
	if path != "" {
		full = path + "." + p.key
	}
	key, known := keys[p.key]
	if why := f.shape.Forbidden[p.key]; why != "" && !known {
		f.problem(p.line, full, "%s", why)
		return
	}
	if !known {
		hint := ""
		if near := nearest(p.key, append(slices.Collect(maps.Keys(keys)), besides...)); near != "" {
			hint = "; did you mean " + near + "?"
		}
		f.problem(p.line, full, "no flag is named %s%s", p.key, hint)
		return
	}
	in[p.key] = &Setting{Key: full, Name: p.key, Line: p.line, order: p.line<<20 + p.value.Column, shape: key, forbidden: f.shape.Forbidden, node: p.value}
}

// pairs are the keys of a mapping, each once.
func (f *File) pairs(path string, node *yaml.Node) []pair {
	node = plain(node)
	if node.Kind != yaml.MappingNode {
		f.problem(node.Line, path, "keys and values are wanted, as key: value")
		return nil
	}
	var pairs []pair
	lines := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], plain(node.Content[i+1])
		if key.Kind != yaml.ScalarNode {
			f.problem(key.Line, path, "a key is plain text")
			continue
		}
		if first, twice := lines[key.Value]; twice {
			f.problem(key.Line, strings.TrimPrefix(path+"."+key.Value, "."), "the key stands already on line %d", first)
			continue
		}
		lines[key.Value] = key.Line
		pairs = append(pairs, pair{key: key.Value, line: key.Line, value: value})
	}
	return pairs
}

// plain is what an alias stands for.
func plain(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" }

func has(keys map[string]Key, key string) bool {
	_, ok := keys[key]
	return ok
}

// Package config reads the YAML file of a program's settings: keys at the top, under a command, and under an export.
//
// It promises that nothing in a file is passed over: each key that the program does not know, each value of the wrong
// shape, each variable that is not set is a Problem with its key and its line. A variable's value stays one plain value,
// whatever it holds: it is put in after the YAML was read. It knows nothing of what the settings mean, of flags, or of
// how a program takes them.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ExportsKey is the key under which the exports stand, each with its settings under its name.
const ExportsKey = "exports"

// Key is what the shape of a setting is.
type Key struct {
	List   bool     // it may be a list
	Fields []string // the list's elements may be mappings of these
}

// Shape is what a file may hold.
type Shape struct {
	Commands  map[string]map[string]Key // the keys that a command takes; a command under another as "schema infer"
	Exports   map[string]Key            // the keys that an export takes
	Forbidden map[string]string         // keys that stand nowhere, and why
}

// Problem is what is wrong with a file.
type Problem struct {
	Line int    // 0: of the file as a whole
	Key  string // as exports.nuit.rate; "" for the file as a whole
	Text string
}

// Error is the problem with its line, but without the file's name.
func (p *Problem) Error() string {
	text := p.Text
	if p.Key != "" {
		text = p.Key + ": " + text
	}
	if p.Line == 0 {
		return text
	}
	return fmt.Sprintf("line %d: %s", p.Line, text)
}

// Place says who asks for a setting. Under an export it is looked for first, then under the command, then at the top.
type Place struct {
	Command string // its words, as in Shape
	Export  string // "" for none
}

// File is a file that was read.
type File struct {
	shape    Shape
	top      section
	commands map[string]section
	exports  map[string]section
	names    []string // of the exports, in the file's order
	problems []*Problem
	broken   bool
}

// section is the settings of one place, by key.
type section map[string]*Setting

// Read reads a file's text. What is wrong with it is in Problems; what is right can be found all the same.
func Read(text []byte, shape Shape) *File {
	f := &File{shape: shape, top: section{}, commands: map[string]section{}, exports: map[string]section{}}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return f
	case err != nil:
		f.broken = true
		f.problem(0, "", "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return f
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		f.problem(0, "", "one YAML document is wanted, and there is more after it")
	}
	if len(document.Content) == 1 && !isNull(document.Content[0]) {
		f.readTop(document.Content[0])
	}
	return f
}

// Problems are what is wrong with the keys and the shape of the file, in its order. Of values Setting.Value tells.
func (f *File) Problems() []*Problem {
	slices.SortStableFunc(f.problems, func(a, b *Problem) int { return a.Line - b.Line })
	return f.problems
}

// Broken says that the text is no YAML, so that nothing of it can be found.
func (f *File) Broken() bool { return f.broken }

// Exports are the names of the exports, in the file's order.
func (f *File) Exports() []string { return f.names }

// Find is the setting that a place sees under a key, or nil.
func (f *File) Find(place Place, key string) *Setting {
	for _, in := range []section{f.exports[place.Export], f.commands[place.Command], f.top} {
		if setting := in[key]; setting != nil {
			return setting
		}
	}
	return nil
}

// Each calls visit with every setting, in the file's order.
func (f *File) Each(visit func(*Setting)) {
	var all []*Setting
	gather := func(in section) {
		for _, setting := range in {
			all = append(all, setting)
		}
	}
	gather(f.top)
	for _, in := range f.commands {
		gather(in)
	}
	for _, in := range f.exports {
		gather(in)
	}
	slices.SortFunc(all, func(a, b *Setting) int { return a.order - b.order })
	for _, setting := range all {
		visit(setting)
	}
}

func (f *File) problem(line int, key, format string, args ...any) {
	f.problems = append(f.problems, &Problem{Line: line, Key: key, Text: fmt.Sprintf(format, args...)})
}

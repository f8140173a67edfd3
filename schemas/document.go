package schemas

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is what one schema file says.
type document struct {
	file     string
	code     string // "" for the root, and where it is wrong
	codeLine int
	label    string
	columns  []declared
	blocks   []string
}

// declared is a column and the line on which it begins.
type declared struct {
	Column
	line int
}

func (d *document) demande() Demande {
	typ := Demande{Code: d.code, Label: d.label}
	for _, column := range d.columns {
		typ.Columns = append(typ.Columns, column.Column)
	}
	return typ
}

// reader reads a file's nodes, and goes on after a mistake so that all are told at once.
type reader struct {
	file  string
	flaws []*FileError
}

// readDocument reads a file's content. What is wrong is left out of the document, which is given in any case.
func readDocument(file string, content []byte, isRoot bool) (*document, []*FileError) {
	r := &reader{file: file}
	read := &document{file: file}
	node, flaw := parse(content)
	if flaw != nil {
		flaw.File = file
		return read, []*FileError{flaw}
	}
	if isRoot {
		r.root(node, read)
	} else {
		r.typ(node, read)
	}
	return read, r.flaws
}

func (r *reader) root(node *yaml.Node, into *document) {
	values := r.mapping(node, "the root's file", []string{"version", "colonnes", "blocs"}, nil)
	r.version(values["version"])
	into.columns = r.columns(values["colonnes"])
	into.blocks = r.blocks(values["blocs"])
}

func (r *reader) typ(node *yaml.Node, into *document) {
	values := r.mapping(node, "a type's file", []string{"version", "code", "libelle", "colonnes"}, nil)
	r.version(values["version"])
	if code, ok := r.text(values["code"], "code"); ok {
		into.codeLine = values["code"].Line
		if reason := badCode(code); reason != "" {
			r.fail(into.codeLine, "code: %s", reason)
		} else {
			into.code = code
		}
	}
	into.label, _ = r.text(values["libelle"], "libelle")
	into.columns = r.columns(values["colonnes"])
}

func (r *reader) version(node *yaml.Node) {
	switch {
	case node == nil:
	case node.Kind != yaml.ScalarNode || node.ShortTag() != "!!int":
		r.fail(node.Line, "version: the number 1 is wanted, not %s", kindOf(node))
	case node.Value != "1":
		r.fail(node.Line, "version: this program reads version 1, not %s", shown(node.Value))
	}
}

func (r *reader) columns(node *yaml.Node) []declared {
	var columns []declared
	for _, item := range r.list(node, "colonnes", "columns") {
		if column, ok := r.column(item); ok {
			columns = append(columns, declared{column, item.Line})
		}
	}
	return columns
}

func (r *reader) column(node *yaml.Node) (column Column, ok bool) {
	values := r.mapping(node, "a column", []string{"chemin", "type"}, []string{"description", "depuis", "personnel"})
	before := len(r.flaws)
	if path, ok := r.text(values["chemin"], "chemin"); ok {
		column.Path = strings.Split(path, ".")
		if reason := badPath(column.Path); reason != "" {
			r.fail(values["chemin"].Line, "chemin: %s", reason)
		}
	}
	if text, ok := r.text(values["type"], "type"); ok {
		var err error
		if column.Type, err = ParseType(text); err != nil {
			r.fail(values["type"].Line, "%v%s", err, flowHint(node, text))
		}
	}
	column.Description, _ = r.text(values["description"], "description")
	column.Since, _ = r.written(values["depuis"], "depuis")
	column.Personal, _ = r.mark(values["personnel"], "personnel")
	return column, values["chemin"] != nil && values["type"] != nil && len(r.flaws) == before
}

// flowHint explains a type that YAML cut at its comma.
func flowHint(column *yaml.Node, typ string) string {
	if column.Style&yaml.FlowStyle != 0 && strings.ContainsAny(typ, "(<") && !strings.ContainsAny(typ[len(typ)-1:], ")>") {
		return `; within { } a comma ends the type unless it stands between quotes, as type: "DECIMAL(12,3)"`
	}
	return ""
}

func (r *reader) blocks(node *yaml.Node) []string {
	var blocks []string
	lines := map[string]int{}
	for _, item := range r.list(node, "blocs", "blocks") {
		values := r.mapping(item, "a block", []string{"cle"}, []string{"description"})
		r.text(values["description"], "description")
		key, ok := r.text(values["cle"], "cle")
		if !ok {
			continue
		}
		line := values["cle"].Line
		if reason := badKey(key); reason != "" {
			r.fail(line, "cle: %s can be no block: %s", shown(key), reason)
		} else if first := lines[key]; first > 0 {
			r.fail(line, "cle: the block %s stands on line %d already: leave one out", key, first)
		} else {
			lines[key] = line
			blocks = append(blocks, key)
		}
	}
	return blocks
}

func (r *reader) fail(line int, format string, args ...any) {
	r.flaws = append(r.flaws, &FileError{File: r.file, Line: line, Reason: fmt.Sprintf(format, args...)})
}

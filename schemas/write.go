package schemas

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// WriteDemande writes the file of a type, which Load reads back as the same. Above each column it puts what comment
// says of it, as one line whatever is in it; "" puts none, and comment may be nil.
//
// A demande that Load would refuse (a column's name that no table can have, a description that is no UTF-8, …) is an
// error, and nothing is written. Whether a column is the root's too cannot be seen here.
func WriteDemande(w io.Writer, d Demande, comment func(c Column) string) error {
	file := fileName(d.Code)
	for _, column := range d.Columns {
		if err := column.Type.Check(); err != nil {
			return fmt.Errorf("writing the schema file %s: column %s: %w", file, column.Name(), err)
		}
	}
	content := render(d, comment)
	read, flaws := readDocument(file, content, false)
	_, more := assemble(&files{types: map[string]*document{"": read}})
	if err := joined(append(flaws, more...)); err != nil {
		return fmt.Errorf("writing the schema of type %s: %w", shown(d.Code), err)
	}
	if !read.demande().equal(d) {
		return fmt.Errorf("writing the schema of type %s: it would not be read back the same: a text is no UTF-8, or a key has a dot in it", shown(d.Code))
	}
	if _, err := w.Write(content); err != nil {
		return fmt.Errorf("writing the schema file %s: %w", file, err)
	}
	return nil
}

func render(d Demande, comment func(c Column) string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "version: 1\ncode: %s\nlibelle: %s\n", plain(d.Code), quoted(d.Label))
	if len(d.Columns) == 0 {
		b.WriteString("colonnes: []\n")
		return b.Bytes()
	}
	b.WriteString("colonnes:\n")
	for _, column := range d.Columns {
		if comment != nil {
			if text := oneLine(comment(column)); text != "" {
				fmt.Fprintf(&b, "  # %s\n", text)
			}
		}
		fmt.Fprintf(&b, "  - chemin: %s\n    type: %s\n", plain(strings.Join(column.Path, ".")), column.Type)
		if column.Description != "" {
			fmt.Fprintf(&b, "    description: %s\n", quoted(column.Description))
		}
		if column.Since != "" {
			fmt.Fprintf(&b, "    depuis: %s\n", plain(column.Since))
		}
		if column.Personal != "" {
			fmt.Fprintf(&b, "    personnel: %s\n", plain(string(column.Personal)))
		}
	}
	return b.Bytes()
}

var plainText = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// plain is a text without quotes where YAML takes it for a text all the same: null and true, say, it does not.
func plain(text string) string {
	asWritten := yaml.Node{Kind: yaml.ScalarNode, Value: text}
	if plainText.MatchString(text) && asWritten.ShortTag() == "!!str" {
		return text
	}
	return quoted(text)
}

// quoted is a text as a YAML string on one line. Go's escapes are all YAML's too, with the same meaning.
func quoted(text string) string { return strconv.QuoteToGraphic(text) }

func (d Demande) equal(other Demande) bool {
	if d.Code != other.Code || d.Label != other.Label || len(d.Columns) != len(other.Columns) {
		return false
	}
	for i, column := range d.Columns {
		same := other.Columns[i]
		if !slices.Equal(column.Path, same.Path) || !column.Type.Equal(same.Type) ||
			column.Description != same.Description || column.Since != same.Since || column.Personal != same.Personal {
			return false
		}
	}
	return true
}

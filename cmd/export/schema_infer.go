package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"omega-export/internal/flatten"
	"omega-export/internal/pipeline"
	"omega-export/schemas"
)

// schemaInferCmd is the flags of `schema infer`.
type schemaInferCmd struct {
	answersArg
	To         string      `placeholder:"FOLDER" help:"Write a file a type there. Default: print them."`
	Types      []string    `placeholder:"CODE,…" help:"Only these types. Default: all that have answers."`
	NoExamples bool        `help:"Write no value of an answer into the comments: values may be personal data."`
	Force      bool        `help:"Overwrite files that are there."`
	Files      schemasFlag `embed:""`
}

// Help is what `schema infer --help` says beyond the flags.
func (*schemaInferCmd) Help() string {
	return `Proposes schema files: for each type the columns declared already, then one for each field that answers have and the files have not,
with its type, how many values were seen, and an example. Read them, correct the types, write descriptions; then use the folder with
--schemas, for run, replay and schema. A declared type rules for new tables at once, for published ones after omega-export replay.

Examples:
  omega-export schema infer out --to mes-schemas
  omega-export schema infer reponses.ndjson.gz --types CHF
  omega-export schema infer out --schemas mes-schemas --to mes-schemas --force    add what is new since`
}

// Run writes or prints the files.
func (c *schemaInferCmd) Run(ctx context.Context, std streams) error {
	set, err := c.Files.load()
	if err != nil {
		return err
	}
	survey, err := c.survey(ctx, std, set)
	if err != nil {
		return err
	}
	defer survey.Close()
	files := map[string][]byte{}
	var names []string
	for _, typ := range survey.Types() {
		if len(c.Types) > 0 && !slices.ContainsFunc(c.Types, func(code string) bool { return strings.EqualFold(code, typ.Code) }) {
			continue
		}
		name := strings.ToLower(typ.Code) + ".yaml"
		if files[name], err = c.propose(set, typ); err != nil {
			return err
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return &usageError{err: fmt.Errorf("--types %s: there is no answer of such a type", strings.Join(c.Types, ","))}
	}
	if c.To == "" {
		for _, name := range names {
			fmt.Fprintf(std.out, "# %s\n%s\n", name, files[name])
		}
		return nil
	}
	if err := c.write(names, files); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%d files written in %s: read them, then use --schemas %s\n", len(names), c.To, c.To)
	return nil
}

// propose is the file of a type.
func (c *schemaInferCmd) propose(set *schemas.Set, typ pipeline.SurveyedType) ([]byte, error) {
	proposed, declared := set.Type(typ.Code)
	if !declared {
		proposed.Code = typ.Code
	}
	proposed.Columns = slices.Clone(proposed.Columns)
	learned := map[string]flatten.Learned{}
	for _, column := range typ.New {
		learned[column.Name] = column
		added := schemas.Column{Path: column.Path, Type: column.Type}
		if len(column.Personal) == 1 && column.Personal[0].Field == "" {
			added.Personal = column.Personal[0].Mark
		}
		if !column.First.IsZero() {
			added.Since = column.First.UTC().Format(time.DateOnly)
		}
		proposed.Columns = append(proposed.Columns, added)
	}
	var text bytes.Buffer
	err := schemas.WriteDemande(&text, proposed, func(column schemas.Column) string {
		if found, ok := learned[column.Name()]; ok {
			return c.comment(found, typ.Documents)
		}
		return fmt.Sprintf("déclaré ; %d réponses sur %d en ont une valeur", typ.Values[column.Name()], typ.Documents)
	})
	return text.Bytes(), err
}

func (c *schemaInferCmd) comment(column flatten.Learned, documents int64) string {
	text := fmt.Sprintf("%d valeurs dans %d réponses", column.Count, documents)
	if !c.NoExamples && column.Sample != "" {
		text += fmt.Sprintf(" ; par exemple %s dans %s", column.Sample, column.Example)
	}
	if column.Hint != "" {
		text += " ; " + column.Hint
	}
	return text
}

// write writes all files or, if one is there, none.
func (c *schemaInferCmd) write(names []string, files map[string][]byte) error {
	if err := os.MkdirAll(c.To, 0o700); err != nil {
		return fmt.Errorf("%w: --to: %w", errReport, err)
	}
	if !c.Force {
		for _, name := range names {
			if _, err := os.Lstat(filepath.Join(c.To, name)); !errors.Is(err, fs.ErrNotExist) {
				return &usageError{err: fmt.Errorf("--to %s: %s is there already: nothing was written; --force overwrites it, another folder keeps it", c.To, name)}
			}
		}
	}
	for _, name := range names {
		if err := writeWhole(filepath.Join(c.To, name), files[name]); err != nil {
			return err
		}
	}
	return nil
}

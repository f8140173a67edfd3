package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"omega-export/internal/flatten"
	"omega-export/schemas"
)

// schemaCmd is the commands under `schema`.
type schemaCmd struct {
	List  schemaListCmd  `cmd:"" help:"The types of demande and their tables."`
	Show  schemaShowCmd  `cmd:"" help:"A table's columns."`
	Infer schemaInferCmd `cmd:"" help:"Propose schema files from raw answers."`
	Diff  schemaDiffCmd  `cmd:"" help:"What raw answers have that the schema files have not, and the reverse."`
	SQL   schemaSQLCmd   `cmd:"" name:"sql" help:"DuckDB SQL that flattens the raw answers by itself."`
}

// schemaListCmd is the flags of `schema list`.
type schemaListCmd struct {
	Out   string      `default:"out" placeholder:"FOLDER|gs://BUCKET/PREFIX" help:"The output whose tables are counted, if it is there (default: ${default})."`
	Files schemasFlag `embed:""`
}

// Help is what `schema list --help` says beyond the flags.
func (*schemaListCmd) Help() string {
	return `Lists the types of the guide, and any other that the output has, with their tables' columns and rows as published.

Examples:
  omega-export schema list
  omega-export schema list --out gs://entrepot/omega`
}

// Run prints the types: those of the guide, and any other that the output has.
func (c *schemaListCmd) Run(ctx context.Context, std streams) error {
	set, err := c.Files.load()
	if err != nil {
		return err
	}
	output, err := existingOutput(ctx, c.Out)
	if err != nil {
		return err
	}
	names := map[string]bool{}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TYPE\tTABLE\tCOLUMNS\tROWS\t\tPERSONAL")
	line := func(code, label string) error {
		name := flatten.TableName(code)
		names[name] = true
		columns, personal, rows := "-", "-", "-"
		if output != nil {
			published, err := output.Table(name)
			if err != nil {
				return err
			}
			if published != nil {
				columns, rows = fmt.Sprint(len(published.Schema)), fmt.Sprint(published.Rows)
				if personal, err = personalColumns(code, set, published); err != nil {
					return err
				}
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", code, name, columns, rows, label, personal)
		return nil
	}
	for _, typ := range set.Types() {
		if err := line(typ.Code, typ.Label); err != nil {
			return err
		}
	}
	if output != nil {
		published, err := output.Tables()
		if err != nil {
			return err
		}
		for _, name := range published {
			if code, ok := strings.CutPrefix(name, "demande_"); ok && !names[name] {
				if err := line(strings.ToUpper(code), "(not in the guide)"); err != nil {
					return err
				}
			}
		}
	}
	return table.Flush()
}

// schemaShowCmd is the flags of `schema show`.
type schemaShowCmd struct {
	Type  string      `arg:"" help:"The type's code, as CHF, or its table's name."`
	Out   string      `default:"out" placeholder:"FOLDER|gs://BUCKET/PREFIX" help:"The output whose table is shown, if it is there (default: ${default})."`
	Files schemasFlag `embed:""`
}

// Help is what `schema show --help` says beyond the flags.
func (*schemaShowCmd) Help() string {
	return `Shows the columns of the type's table as published in --out: the root's from the guide, and the blocks' as learned from the answers.
Without a published table it shows the root's alone.

Example:
  omega-export schema show CHF --out demo/out`
}

// Run prints the table's columns.
func (c *schemaShowCmd) Run(ctx context.Context, std streams) error {
	set, err := c.Files.load()
	if err != nil {
		return err
	}
	table, from, err := knownTable(ctx, c.Type, c.Out, set)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s: %s\n", table.Name(), from)
	described := map[string]string{
		flatten.ColumnNumero: "Numéro de la demande", flatten.ColumnFetched: "When the answer came", flatten.ColumnCodeCDGF: "The code_cdgf that was asked with",
		flatten.ColumnLot: "The lot, see _lots", flatten.ColumnSHA256: "Of the answer's bytes; see the table reponses",
		flatten.ColumnUnknown: "What no column holds exactly, as it came (JSON)",
	}
	since := map[string]string{}
	for _, column := range set.Columns(table.Type) {
		described[column.Name()], since[column.Name()] = column.Description, column.Since
	}
	printer := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	for _, column := range shownPersonal(table).All() {
		printColumn(printer, "  "+column.Name, column.Type, described[column.Name]+unless(since[column.Name] == "", " ("+since[column.Name]+")")+personalText(column))
	}
	if err := printer.Flush(); err != nil {
		return err
	}
	_, conflicts := table.Declared()
	for _, conflict := range conflicts {
		fmt.Fprintf(std.out, "%s is published as %s and declared %s: omega-export replay changes it\n", conflict.Column, conflict.Published, conflict.Declared)
	}
	return nil
}

// printColumn prints a column as a person reads it: the fields of a list's structs below it, a line each.
func printColumn(to io.Writer, name string, typ schemas.ColumnType, description string) {
	fields, kind := typ.Fields, typ.String()
	switch {
	case typ.Kind == schemas.List && typ.Elem.Kind == schemas.Struct:
		fields, kind = typ.Elem.Fields, "LIST of STRUCT"
	case typ.Kind == schemas.Struct:
		kind = "STRUCT"
	}
	fmt.Fprintf(to, "%s\t%s\t%s\n", name, kind, description)
	indent := name[:len(name)-len(strings.TrimLeft(name, " "))] + "    "
	for _, field := range fields {
		printColumn(to, indent+field.Name, field.Type, "")
	}
}

// knownTable is a type's table: as published in the output, with what is declared added, or as declared.
func knownTable(ctx context.Context, typ, out string, set *schemas.Set) (table *flatten.Table, from string, err error) {
	code := strings.ToUpper(strings.TrimPrefix(strings.ToLower(typ), "demande_"))
	output, err := existingOutput(ctx, out)
	if err != nil {
		return nil, "", err
	}
	if output != nil {
		published, err := output.Table(flatten.TableName(code))
		if err != nil {
			return nil, "", &usageError{err: err}
		}
		if published != nil {
			table, err = flatten.ParseTable(code, set, published.Columns)
			return table, fmt.Sprintf("%d columns, %d rows in %d files, as published in %s", len(published.Schema), published.Rows, len(published.Files), output.URI()), err
		}
	}
	if _, ok := set.Type(code); !ok {
		return nil, "", &usageError{err: fmt.Errorf("%s is no type of the schema files and no table of %s: see omega-export schema list", typ, out)}
	}
	table, err = flatten.NewTable(code, set)
	return table, fmt.Sprintf("nothing is published in %s yet; the declared columns, to which others are added as answers bring them", out), err
}

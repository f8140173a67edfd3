package main

import (
	"context"
	"fmt"
)

// schemaSQLCmd is the flags of `schema sql`.
type schemaSQLCmd struct {
	Type  string      `arg:"" help:"The type's code, as CHF, or its table's name."`
	Out   string      `default:"out" placeholder:"FOLDER|gs://BUCKET/PREFIX" help:"The output whose table's columns are taken, if it is there (default: ${default})."`
	Files schemasFlag `embed:""`
}

// Help is what `schema sql --help` says beyond the flags.
func (*schemaSQLCmd) Help() string {
	return `Prints DuckDB SQL that flattens the raw answers of reponses by itself into the type's columns: a second opinion on the table, and a way to
try other columns without this program. It lacks _champs_inconnus. Run it after the output's _sql/duckdb.sql, which defines reponses.

Example:
  omega-export schema sql CHF --out demo/out > chf.sql
  duckdb -cmd ".read 'demo/out/_sql/duckdb.sql'" -c ".read chf.sql"`
}

// archiveTable is the view of the raw answers.
const archiveTable = "reponses"

// Run prints the SQL.
func (c *schemaSQLCmd) Run(ctx context.Context, std streams) error {
	set, err := c.Files.load()
	if err != nil {
		return err
	}
	table, _, err := knownTable(ctx, c.Type, c.Out, set)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "-- %s, flattened by DuckDB from the raw answers.\n%s;\n", table.Name(), table.DuckDBSelect(archiveTable))
	return err
}

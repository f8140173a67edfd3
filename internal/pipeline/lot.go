package pipeline

import (
	"context"
	"encoding/hex"
	"fmt"

	"go.opentelemetry.io/otel/attribute"

	"omega-export/internal/flatten"
	"omega-export/internal/ledger"
	"omega-export/internal/sink"
)

// lotWriter writes the tables of one lot.
type lotWriter struct {
	rooms  Rooms
	freeze bool
	lot    ledger.Lot
	out    *sink.Lot
	// forgotten is what the output or its archive says was forgotten, read while no other process could publish: such answers, which
	// came before, are left out.
	forgotten *ledger.Tombstones
	counts    map[string]*TableCounts
	told      map[string]*TableCounts // of the lots before, by table: what was logged of them is not logged again
}

func (w *lotWriter) table(name string) *TableCounts {
	if w.counts[name] == nil {
		w.counts[name] = &TableCounts{}
	}
	return w.counts[name]
}

// archived writes what the archive elsewhere has of the lot.
func (w *lotWriter) archived(ctx context.Context) error {
	if err := w.reponses(ctx); err != nil {
		return fmt.Errorf("table reponses: %w", err)
	}
	rows := w.table("rejets").Rows
	if err := w.rejets(ctx, true); err != nil {
		return fmt.Errorf("table rejets: %w", err)
	}
	w.table("rejets").Rows = rows // they are counted where the tables are
	return nil
}

func (w *lotWriter) all(ctx context.Context) error {
	names, codes, err := w.tables(ctx)
	if err != nil {
		return err
	}
	tables, err := w.fixedTables(ctx, names, codes)
	if err != nil {
		return err
	}
	for _, name := range names {
		err := w.traced(ctx, name, func(ctx context.Context) error { return w.typed(ctx, tables[name], codes[name]) })
		if err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
	}
	if !w.rooms.Archive.isElsewhere() {
		if err := w.traced(ctx, "reponses", w.reponses); err != nil {
			return fmt.Errorf("table reponses: %w", err)
		}
	}
	if err := w.traced(ctx, "rejets", func(ctx context.Context) error { return w.rejets(ctx, false) }); err != nil {
		return fmt.Errorf("table rejets: %w", err)
	}
	return nil
}

// traced writes one table under a span of its own.
func (w *lotWriter) traced(ctx context.Context, table string, write func(context.Context) error) error {
	ctx, end := w.rooms.span(ctx, "table", attribute.String("omega.table", table))
	err := write(ctx)
	end(err)
	return err
}

// tables are the lot's typed tables in order, and the types of each: codes that differ only by case share a table.
func (w *lotWriter) tables(ctx context.Context) (names []string, codes map[string][]string, err error) {
	types, err := w.rooms.Ledger.Types(ctx, w.lot)
	if err != nil {
		return nil, nil, err
	}
	codes = map[string][]string{}
	for _, code := range types {
		name := flatten.TableName(code)
		if codes[name] == nil {
			names = append(names, name)
		}
		codes[name] = append(codes[name], code)
	}
	return names, codes, nil
}

// fixedTables are the columns that the lot is written with. They are kept in the ledger before the first file is
// written, so that a lot published again has the same bytes, unless another exporter has changed the tables since.
func (w *lotWriter) fixedTables(ctx context.Context, names []string, codes map[string][]string) (map[string]*flatten.Table, error) {
	saved, err := w.rooms.Ledger.LotTables(ctx, w.lot)
	if err != nil {
		return nil, err
	}
	tables := map[string]*flatten.Table{}
	fixed := map[string][]byte{}
	for _, name := range names {
		table, err := w.fixedTable(ctx, name, codes[name], saved[name])
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", name, err)
		}
		if fixed[name], err = table.Describe(); err != nil {
			return nil, fmt.Errorf("table %s: %w", name, err)
		}
		tables[name] = table
	}
	return tables, w.rooms.Ledger.SaveLotTables(ctx, w.lot, fixed)
}

func (w *lotWriter) fixedTable(ctx context.Context, name string, codes []string, saved []byte) (*flatten.Table, error) {
	published, isNew, err := w.published(name, codes[0])
	if err != nil {
		return nil, err
	}
	if saved != nil {
		table, err := flatten.ParseTable(codes[0], w.rooms.Schemas, saved)
		if err != nil {
			return nil, err
		}
		if table.Extends(published) {
			w.noteNew(name, isNew, table.Columns[len(published.Columns):])
			return table.Under(w.rooms.Personal), nil
		}
	}
	declared, conflicts := published.Declared()
	w.noteConflicts(name, conflicts)
	w.noteNew(name, isNew, declared.Columns[len(published.Columns):])
	table, learned, err := w.evolved(ctx, declared, codes)
	if err != nil {
		return nil, err
	}
	if !isNew {
		w.table(name).learned(learned)
	}
	return table.Under(w.rooms.Personal), nil
}

// noteNew reports columns that a published table gets; of a new table all are, which is not worth telling.
func (w *lotWriter) noteNew(name string, isNew bool, columns []flatten.Column) {
	if isNew {
		return
	}
	for _, column := range columns {
		w.table(name).NewColumns = append(w.table(name).NewColumns, NewColumn{Name: column.Name, Type: column.Type.String()})
	}
}

func (w *lotWriter) noteConflicts(name string, conflicts []flatten.Conflict) {
	for _, conflict := range conflicts {
		if before := w.told[name]; before == nil || len(before.Conflicts) == 0 {
			w.rooms.Log.Warn("a column is declared under another type than it is published with: replay rebuilds the table with the declared one",
				"table", name, "column", conflict.Column, "published", conflict.Published.String(), "declared", conflict.Declared.String())
		}
		w.table(name).Conflicts = append(w.table(name).Conflicts,
			Conflict{Column: conflict.Column, Published: conflict.Published.String(), Declared: conflict.Declared.String()})
	}
}

// published is the table as the output has it, or as the root schema alone makes it.
func (w *lotWriter) published(name, code string) (table *flatten.Table, isNew bool, err error) {
	published, err := w.rooms.Output.Table(name)
	if err != nil {
		return nil, false, err
	}
	if published == nil {
		table, err = flatten.NewTable(code, w.rooms.Schemas)
		return table, true, err
	}
	table, err = flatten.ParseTable(code, w.rooms.Schemas, published.Columns)
	return table, false, err
}

// evolved is the table with the columns that the lot's answers add.
func (w *lotWriter) evolved(ctx context.Context, table *flatten.Table, codes []string) (*flatten.Table, []flatten.Learned, error) {
	if w.freeze {
		return table, nil, nil
	}
	learner := flatten.NewLearnerUnder(table, w.rooms.Personal)
	err := w.documents(ctx, codes, func(stored *ledger.Stored) error {
		return learner.Observe(stored.Numero, stored.ReceivedAt, stored.Body)
	})
	if err != nil {
		return nil, nil, err
	}
	next, learned := learner.Evolve()
	return next, learned, nil
}

// documents visits the lot's changed documents of several types.
func (w *lotWriter) documents(ctx context.Context, codes []string, visit func(*ledger.Stored) error) error {
	for _, code := range codes {
		if err := w.rooms.Ledger.EachDocument(ctx, w.lot, code, w.unforgotten(visit)); err != nil {
			return err
		}
	}
	return nil
}

func (w *lotWriter) typed(ctx context.Context, table *flatten.Table, codes []string) error {
	columns, err := table.Describe()
	if err != nil {
		return err
	}
	builder, err := flatten.NewBuilderUnder(table, w.rooms.Personal)
	if err != nil {
		return err
	}
	writer, err := w.out.Create(ctx, sink.TableSpec{Name: table.Name(), Kind: "demande", Schema: table.ArrowSchema(), Columns: columns})
	if err != nil {
		return err
	}
	defer builder.Release()
	flush := func() error {
		record := builder.Record()
		defer record.Release()
		return writer.Write(record)
	}
	counts := w.table(table.Name())
	err = w.documents(ctx, codes, func(stored *ledger.Stored) error {
		if err := builder.Append(w.origin(stored), stored.Body); err != nil {
			return err
		}
		counts.Rows++
		if builder.Rows() >= recordRows || builder.Bytes() >= recordBytes {
			return flush()
		}
		return nil
	})
	if err == nil && builder.Rows() > 0 {
		err = flush()
	}
	if err != nil {
		writer.Abort()
		return err
	}
	counts.drifted(builder.Drift())
	return writer.Close()
}

func (w *lotWriter) origin(stored *ledger.Stored) flatten.Origin {
	return flatten.Origin{
		Numero: stored.Numero, FetchedAt: stored.ReceivedAt, CodeCDGF: stored.CodeCDGF, Lot: w.lot.Name, SHA256: hex.EncodeToString(stored.SHA256),
	}
}

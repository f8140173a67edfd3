package main

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"omega-export/internal/seal"
	"omega-export/internal/sink"
)

// vault is an output of its own for the answers as they came, where they may be encrypted.
type vault struct {
	output *sink.Output
	sealer *seal.Sealer // nil: they are not
}

// openVault opens the archive; nil if there is none.
func openVault(ctx context.Context, place, recipient string) (*vault, error) {
	if place == "" {
		return nil, nil
	}
	output, err := sink.Open(ctx, place)
	if err != nil || recipient == "" {
		return &vault{output: output}, err
	}
	sealer, err := seal.NewSealer([]string{recipient})
	return &vault{output, sealer}, err
}

// publish publishes a lot's answers, as a run does before their tables.
func (v *vault) publish(ctx context.Context, info sink.LotInfo, answers arrow.Record) error {
	lot, err := v.output.Begin(ctx, info)
	if err != nil {
		return err
	}
	defer lot.Abort()
	if v.sealer != nil {
		if answers, err = v.sealed(answers); err != nil {
			return err
		}
	}
	if err := write(ctx, lot, sink.TableSpec{Name: "reponses", Kind: "reponses", Schema: answers.Schema()}, answers); err != nil {
		return err
	}
	return lot.Commit(ctx)
}

// sealed has the bodies in _corps_age, behind the other columns.
func (v *vault) sealed(answers arrow.Record) (arrow.Record, error) {
	const corps = 3
	bodies := answers.Column(corps).(*array.Binary)
	sealed, none := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary), array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	for row := range bodies.Len() {
		none.AppendNull()
		if bodies.IsNull(row) {
			sealed.AppendNull()
			continue
		}
		body, err := v.sealer.Seal(bodies.Value(row))
		if err != nil {
			return nil, err
		}
		sealed.Append(body)
	}
	columns := append(answers.Columns()[:answers.NumCols():answers.NumCols()], sealed.NewArray())
	fields := answers.Schema().Fields()
	fields = append(fields[:len(fields):len(fields)], arrow.Field{Name: "_corps_age", Type: arrow.BinaryTypes.Binary, Nullable: true})
	columns = append([]arrow.Array{}, columns...)
	columns[corps] = none.NewArray()
	return array.NewRecord(arrow.NewSchema(fields, nil), columns, answers.NumRows()), nil
}

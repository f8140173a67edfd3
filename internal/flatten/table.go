package flatten

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"omega-export/schemas"
)

// The program's own columns, in the order in which they open every typed table.
const (
	ColumnNumero   = "numero_demande"
	ColumnFetched  = "_recupere_le"
	ColumnCodeCDGF = "_code_cdgf"
	ColumnLot      = "_lot"
	ColumnSHA256   = "_sha256"
	ColumnUnknown  = "_champs_inconnus"
)

const (
	// MaxColumns is how many columns a table may have, the program's own included; the fields of a list's structs count one each.
	MaxColumns = 1000
	// maxNameLength is the longest column name, in characters, that BigQuery takes.
	maxNameLength = 300
	// maxLevels is how deep a record may be nested in BigQuery.
	maxLevels = 15
	// partitionColumn is read from the folder's name, so that no field of a document may take it.
	partitionColumn = "date_export"
)

// Column is one column of a typed table beyond the program's own.
type Column struct {
	Name        string             `json:"name"`
	Path        []string           `json:"path"`
	Type        schemas.ColumnType `json:"type"`
	Description string             `json:"description,omitempty"`
	// Personal is what of it tells of a person; Table.Under says it.
	Personal []Personal `json:"personnel,omitempty"`
}

// Table is the columns of one type's table. It is not changed once made; Learner makes the next one.
type Table struct {
	// Type is the type's code, as the API writes it.
	Type    string
	Columns []Column
	set     *schemas.Set
}

// TableName is the table of a type: demande_chf for CHF.
func TableName(typeCode string) string { return "demande_" + strings.ToLower(typeCode) }

// NewTable is the table of a type of which nothing is known but what is declared.
func NewTable(typeCode string, set *schemas.Set) (*Table, error) {
	t := &Table{Type: typeCode, set: set}
	for _, declared := range set.Columns(typeCode) {
		column := columnOf(declared)
		if err := column.Type.Check(); err != nil {
			return nil, fmt.Errorf("column %s: %w", column.Name, err)
		}
		t.Columns = append(t.Columns, column)
	}
	return t, nil
}

// ParseTable is a table as Describe wrote it.
func ParseTable(typeCode string, set *schemas.Set, description []byte) (*Table, error) {
	t := &Table{Type: typeCode, set: set}
	if err := json.Unmarshal(description, &t.Columns); err != nil {
		return nil, fmt.Errorf("reading the columns of %s: %w", TableName(typeCode), err)
	}
	for _, column := range t.Columns {
		if len(column.Path) == 0 {
			return nil, fmt.Errorf("reading the columns of %s: column %s has no path", TableName(typeCode), column.Name)
		}
		if err := column.Type.Check(); err != nil {
			return nil, fmt.Errorf("reading the columns of %s: column %s: %w", TableName(typeCode), column.Name, err)
		}
	}
	return t, nil
}

// Describe is the columns as JSON, to be kept with the published table.
func (t *Table) Describe() (json.RawMessage, error) { return json.Marshal(t.Columns) }

// Extends says whether the table has all columns of the published one, in their places and of their types.
func (t *Table) Extends(published *Table) bool {
	return len(t.Columns) >= len(published.Columns) &&
		slices.EqualFunc(t.Columns[:len(published.Columns)], published.Columns, func(a, b Column) bool {
			return slices.Equal(a.Path, b.Path) && a.Type.Equal(b.Type)
		})
}

// Name is the table's name.
func (t *Table) Name() string { return TableName(t.Type) }

// ArrowSchema is the table's columns in order, the program's own first.
func (t *Table) ArrowSchema() *arrow.Schema {
	var fields []arrow.Field
	for _, column := range t.All() {
		fields = append(fields, arrow.Field{Name: column.Name, Type: arrowType(column.Type), Nullable: true})
	}
	return arrow.NewSchema(fields, nil)
}

// ownColumns is how many columns of ArrowSchema are the program's own.
const ownColumns = 6

// All is all columns of the table in order, the program's own first.
func (t *Table) All() []Column {
	own := []Column{
		{Name: ColumnNumero, Type: schemas.ColumnType{Kind: schemas.Text}},
		{Name: ColumnFetched, Type: schemas.ColumnType{Kind: schemas.Stamp}},
		{Name: ColumnCodeCDGF, Type: schemas.ColumnType{Kind: schemas.Text}},
		{Name: ColumnLot, Type: schemas.ColumnType{Kind: schemas.Text}},
		{Name: ColumnSHA256, Type: schemas.ColumnType{Kind: schemas.Text}},
		{Name: ColumnUnknown, Type: schemas.ColumnType{Kind: schemas.Text}},
	}
	return append(own, t.Columns...)
}

package bigquery

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-googlesql"
)

// take checks the options of an analyzed statement and adds what it makes.
func (c *Catalog) take(resolved googlesql.ResolvedStatementNode) (statement Statement, err error) {
	if statement.Kind, err = resolved.NodeKindString(); err != nil {
		return statement, err
	}
	var path []string
	var columns []Column
	switch made := resolved.(type) {
	case *googlesql.ResolvedCreateExternalTableStmt:
		path, columns, err = c.external(made)
	case *googlesql.ResolvedCreateViewStmt:
		path, columns, err = c.view(made)
	case *googlesql.ResolvedCreateTableAsSelectStmt:
		path, columns, err = c.selected(made)
	case *googlesql.ResolvedAuxLoadDataStmt:
		path, err = c.loaded(made)
		statement.Table = strings.Join(path, ".")
		return statement, err
	case *googlesql.ResolvedQueryStmt, *googlesql.ResolvedInsertStmt, *googlesql.ResolvedMergeStmt:
		return statement, nil
	default:
		return statement, fmt.Errorf("%s is no statement that this package knows", statement.Kind)
	}
	if err != nil {
		return statement, err
	}
	statement.Table = strings.Join(path, ".")
	return statement, c.add(path, columns)
}

func (c *Catalog) external(made *googlesql.ResolvedCreateExternalTableStmt) (path []string, columns []Column, err error) {
	options, err := made.OptionList()
	if err != nil {
		return nil, nil, err
	}
	if err := check(options, externalOptions, "format", "uris"); err != nil {
		return nil, nil, err
	}
	definitions, err := made.ColumnDefinitionList()
	if err != nil {
		return nil, nil, err
	}
	partitions, err := made.WithPartitionColumns()
	if err != nil {
		return nil, nil, err
	}
	columns, err = c.definedWith(definitions, partitions)
	if err != nil {
		return nil, nil, err
	}
	path, err = made.NamePath()
	return path, columns, err
}

// loaded is the table that LOAD DATA fills. The analyzer wants it to be there before; whether the files have its columns nobody knows here.
func (c *Catalog) loaded(made *googlesql.ResolvedAuxLoadDataStmt) (path []string, err error) {
	for _, list := range []struct {
		options func() ([]*googlesql.ResolvedOption, error)
		allowed map[string]string
		needed  []string
	}{{made.OptionList, tableOptions, nil}, {made.FromFilesOptionList, externalOptions, []string{"format", "uris"}}} {
		options, err := list.options()
		if err != nil {
			return nil, err
		}
		if err := check(options, list.allowed, list.needed...); err != nil {
			return nil, err
		}
	}
	return made.NamePath()
}

func (c *Catalog) view(made *googlesql.ResolvedCreateViewStmt) (path []string, columns []Column, err error) {
	options, err := made.OptionList()
	if err != nil {
		return nil, nil, err
	}
	if err := check(options, viewOptions); err != nil {
		return nil, nil, err
	}
	definitions, err := made.ColumnDefinitionList()
	if err != nil {
		return nil, nil, err
	}
	if _, err := c.defined(definitions); err != nil {
		return nil, nil, err
	}
	outputs, err := made.OutputColumnList()
	if err != nil {
		return nil, nil, err
	}
	columns, err = c.outputs(outputs)
	if err != nil {
		return nil, nil, err
	}
	path, err = made.NamePath()
	return path, columns, err
}

func (c *Catalog) selected(made *googlesql.ResolvedCreateTableAsSelectStmt) (path []string, columns []Column, err error) {
	options, err := made.OptionList()
	if err != nil {
		return nil, nil, err
	}
	if err := check(options, tableOptions); err != nil {
		return nil, nil, err
	}
	definitions, err := made.ColumnDefinitionList()
	if err != nil {
		return nil, nil, err
	}
	columns, err = c.defined(definitions)
	if err != nil {
		return nil, nil, err
	}
	path, err = made.NamePath()
	return path, columns, err
}

// definedWith is the columns of a definition and then those of the partitions.
func (c *Catalog) definedWith(definitions []*googlesql.ResolvedColumnDefinition, partitions *googlesql.ResolvedWithPartitionColumns) ([]Column, error) {
	columns, err := c.defined(definitions)
	if err != nil || partitions == nil {
		return columns, err
	}
	more, err := partitions.ColumnDefinitionList()
	if err != nil {
		return nil, err
	}
	partitioned, err := c.defined(more)
	return append(columns, partitioned...), err
}

func (c *Catalog) defined(definitions []*googlesql.ResolvedColumnDefinition) ([]Column, error) {
	var columns []Column
	for _, definition := range definitions {
		name, err := definition.Name()
		if err != nil {
			return nil, err
		}
		typ, err := definition.Type()
		if err != nil {
			return nil, err
		}
		column, err := c.column(name, typ)
		if err != nil {
			return nil, err
		}
		if err := checkColumn(definition); err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
		columns = append(columns, column)
	}
	return columns, nil
}

func (c *Catalog) outputs(outputs []*googlesql.ResolvedOutputColumn) ([]Column, error) {
	var columns []Column
	for _, output := range outputs {
		name, err := output.Name()
		if err != nil {
			return nil, err
		}
		resolved, err := output.Column()
		if err != nil {
			return nil, err
		}
		typ, err := resolved.Type()
		if err != nil {
			return nil, err
		}
		column, err := c.column(name, typ)
		if err != nil {
			return nil, err
		}
		columns = append(columns, column)
	}
	return columns, nil
}

func (c *Catalog) column(name string, typ googlesql.Googlesql_TypeNode) (Column, error) {
	if typ == nil {
		return Column{}, fmt.Errorf("column %s has no type", name)
	}
	text, err := typeText(typ)
	if err != nil {
		return Column{}, fmt.Errorf("column %s: %w", name, err)
	}
	c.kept = append(c.kept, typ)
	return Column{Name: name, Type: text, typ: typ}, nil
}

// typeText is a type as GoogleSQL writes it.
func typeText(typ googlesql.Googlesql_TypeNode) (string, error) {
	named, ok := typ.(interface {
		TypeName(googlesql.ProductMode) (string, error)
	})
	if !ok {
		return "", errors.New("its type has no name")
	}
	return named.TypeName(googlesql.ProductModeProductExternal)
}

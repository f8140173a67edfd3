package bigquery

import (
	"fmt"
	"strings"
	"sync"

	"github.com/goccy/go-googlesql"
)

// start makes the engine ready, once for the process.
var start = sync.OnceValue(googlesql.Init)

// Catalog is the datasets, tables and views that exist, and what the analyzer needs. It is for one goroutine.
type Catalog struct {
	root     *googlesql.SimpleCatalog
	datasets map[string]*googlesql.SimpleCatalog
	columns  map[string][]Column // by table, as `dataset.table`
	options  *googlesql.AnalyzerOptions
	types    *googlesql.TypeFactory
	kept     []any // what the engine refers to and the garbage collector must not free
}

// Column is a column of a table or view, with its type as GoogleSQL writes it, without parameters.
type Column struct {
	Name string
	Type string
	typ  googlesql.Googlesql_TypeNode
}

// NewCatalog is a catalog with BigQuery's functions and these datasets, empty.
func NewCatalog(datasets ...string) (*Catalog, error) {
	if err := start(); err != nil {
		return nil, fmt.Errorf("starting the analyzer: %w", err)
	}
	language, err := bigqueryLanguage()
	if err != nil {
		return nil, fmt.Errorf("setting the analyzer's language: %w", err)
	}
	c := &Catalog{datasets: map[string]*googlesql.SimpleCatalog{}, columns: map[string][]Column{}, kept: []any{language}}
	if c.types, err = googlesql.NewTypeFactory(); err != nil {
		return nil, fmt.Errorf("making the types: %w", err)
	}
	if c.root, err = googlesql.NewSimpleCatalog("project", c.types); err != nil {
		return nil, fmt.Errorf("making the catalog: %w", err)
	}
	if err := c.root.AddBuiltinFunctionsAndTypes(&googlesql.BuiltinFunctionOptions{LanguageOptions: language}); err != nil {
		return nil, fmt.Errorf("adding the functions: %w", err)
	}
	if c.options, err = googlesql.NewAnalyzerOptions2(); err != nil {
		return nil, fmt.Errorf("making the analyzer: %w", err)
	}
	if err := c.options.SetLanguage(language); err != nil {
		return nil, fmt.Errorf("making the analyzer: %w", err)
	}
	for _, dataset := range datasets {
		if c.datasets[dataset], err = c.root.MakeOwnedSimpleCatalog(dataset); err != nil {
			return nil, fmt.Errorf("making dataset %s: %w", dataset, err)
		}
	}
	return c, nil
}

func bigqueryLanguage() (*googlesql.LanguageOptions, error) {
	language, err := googlesql.NewLanguageOptions()
	if err != nil {
		return nil, err
	}
	for _, set := range []func() error{
		language.EnableMaximumLanguageFeatures,
		func() error {
			return language.EnableLanguageFeature(googlesql.LanguageFeatureFeatureCreateExternalTableWithPartitionColumns)
		},
		language.SetSupportsAllStatementKinds,
		func() error { return language.SetProductMode(googlesql.ProductModeProductExternal) },
		func() error {
			return language.EnableLanguageFeature(googlesql.LanguageFeatureFeatureCreateViewsWithColumnOptions)
		},
		// With it the analyzer wants a table that LOAD DATA fills to be there before.
		func() error {
			return language.DisableLanguageFeature(googlesql.LanguageFeatureFeatureLoadDataPartitions)
		},
		// BigQuery reserves QUALIFY; without it a table's alias could be read where the clause stands.
		func() error { return language.EnableReservableKeyword("QUALIFY", true) },
	} {
		if err := set(); err != nil {
			return nil, err
		}
	}
	return language, nil
}

// Columns are a table's or view's, in order, or nil if there is none of that name.
func (c *Catalog) Columns(dataset, table string) []Column { return c.columns[dataset+"."+table] }

// add puts a table or view into its dataset. What CREATE OR REPLACE replaces must keep its columns: the engine cannot forget a table.
func (c *Catalog) add(path []string, columns []Column) error {
	// BigQuery reads `dataset.table` in one pair of backquotes as two names.
	path = strings.Split(strings.Join(path, "."), ".")
	name := strings.Join(path, ".")
	if len(path) != 2 {
		return fmt.Errorf("%s is not DATASET.TABLE: a view's body heeds no default dataset", name)
	}
	dataset, ok := c.datasets[path[0]]
	if !ok {
		return fmt.Errorf("there is no dataset %s", path[0])
	}
	if len(columns) == 0 {
		return fmt.Errorf("%s has no columns", name)
	}
	if _, ok := c.columns[name]; ok {
		return fmt.Errorf("%s is made twice", name)
	}
	seen := map[string]bool{}
	for i, column := range columns {
		if column.Name == "" || seen[strings.ToLower(column.Name)] {
			return fmt.Errorf("column %d of %s has no name of its own: %q", i+1, name, column.Name)
		}
		seen[strings.ToLower(column.Name)] = true
	}
	table, err := c.simpleTable(path[1], columns)
	if err != nil {
		return fmt.Errorf("adding %s to the catalog: %w", name, err)
	}
	if err := dataset.AddTable(table); err != nil {
		return fmt.Errorf("adding %s to the catalog: %w", name, err)
	}
	// The name in one pair of backquotes, too.
	if err := c.root.AddTable2(name, table); err != nil {
		return fmt.Errorf("adding %s to the catalog: %w", name, err)
	}
	c.columns[name] = columns
	return nil
}

func (c *Catalog) simpleTable(name string, columns []Column) (*googlesql.SimpleTable, error) {
	table, err := googlesql.NewSimpleTable(name, int64(len(c.columns)+1))
	if err != nil {
		return nil, err
	}
	c.kept = append(c.kept, table)
	for _, column := range columns {
		simple, err := googlesql.NewSimpleColumn(name, column.Name, column.typ, false, true)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", column.Name, err)
		}
		if err := table.AddColumn2(simple, false); err != nil {
			return nil, fmt.Errorf("column %s: %w", column.Name, err)
		}
		c.kept = append(c.kept, simple)
	}
	return table, nil
}

package bigquery

import (
	"fmt"
	"slices"

	"github.com/goccy/go-googlesql"
)

// The options that BigQuery has, of those that Parquet tables may want, with their types: its reference calls them
// external_table_option_list, table_option_list, view_option_list and column_option_list. The analyzer takes any.
var (
	externalOptions = map[string]string{
		"format": "STRING", "uris": "ARRAY<STRING>", "file_set_spec_type": "STRING", "enable_list_inference": "BOOL", "enum_as_string": "BOOL",
		"hive_partition_uri_prefix": "STRING", "require_hive_partition_filter": "BOOL", "description": "STRING", "metadata_cache_mode": "STRING",
		"max_staleness": "INTERVAL", "reference_file_schema_uri": "STRING",
	}
	tableOptions = map[string]string{
		"description": "STRING", "friendly_name": "STRING", "require_partition_filter": "BOOL", "partition_expiration_days": "FLOAT64",
		"expiration_timestamp": "TIMESTAMP",
	}
	viewOptions   = map[string]string{"description": "STRING", "friendly_name": "STRING", "expiration_timestamp": "TIMESTAMP"}
	columnOptions = map[string]string{"description": "STRING"}
)

// descriptionLetters is how long a column's description may be.
const descriptionLetters = 1024

// check asks that options are known, of the right type, given once, and that those needed are there.
func check(options []*googlesql.ResolvedOption, allowed map[string]string, needed ...string) error {
	var given []string
	for _, option := range options {
		name, err := option.Name()
		if err != nil {
			return err
		}
		want, ok := allowed[name]
		if !ok {
			return fmt.Errorf("BigQuery has no option %s here", name)
		}
		if slices.Contains(given, name) {
			return fmt.Errorf("option %s is given twice", name)
		}
		given = append(given, name)
		got, err := optionType(option)
		if err != nil {
			return fmt.Errorf("option %s: %w", name, err)
		}
		if got != want && !(want == "FLOAT64" && got == "INT64") {
			return fmt.Errorf("option %s is %s, want %s", name, got, want)
		}
	}
	for _, name := range needed {
		if !slices.Contains(given, name) {
			return fmt.Errorf("option %s is missing", name)
		}
	}
	return nil
}

func optionType(option *googlesql.ResolvedOption) (string, error) {
	value, err := option.Value()
	if err != nil {
		return "", err
	}
	typed, ok := value.(interface {
		Type() (googlesql.Googlesql_TypeNode, error)
	})
	if !ok {
		return "", fmt.Errorf("its value has no type")
	}
	typ, err := typed.Type()
	if err != nil {
		return "", err
	}
	return typeText(typ)
}

// checkColumn asks the same of a column's options.
func checkColumn(definition *googlesql.ResolvedColumnDefinition) error {
	annotations, err := definition.Annotations()
	if err != nil || annotations == nil {
		return err
	}
	options, err := annotations.OptionList()
	if err != nil {
		return err
	}
	if err := check(options, columnOptions); err != nil {
		return err
	}
	for _, option := range options {
		expression, err := option.Value()
		if err != nil {
			return err
		}
		literal, ok := expression.(*googlesql.ResolvedLiteral)
		if !ok {
			continue
		}
		value, err := literal.Value()
		if err != nil {
			return err
		}
		text, err := value.StringValue()
		if err != nil {
			return err
		}
		if letters := len([]rune(text)); letters > descriptionLetters {
			return fmt.Errorf("the description has %d characters, and may have %d", letters, descriptionLetters)
		}
	}
	return nil
}

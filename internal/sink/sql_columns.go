package sink

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// tableColumn is a column as the SQL files need it.
type tableColumn struct {
	name        string
	typ         string // as schemaLines writes it
	description string
}

// sqlColumns are the table's columns in order, with what its TableSpec said of them in an array of objects that have a
// name, a description, and what tells of persons. Whatever else it said is nothing to the SQL.
func (t *PublishedTable) sqlColumns() []tableColumn {
	var said []struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Personal    []struct {
			Field     string `json:"champ"`
			Mark      string `json:"marque"`
			Treatment string `json:"traitement"`
		} `json:"personnel"`
	}
	descriptions := map[string]string{}
	if json.Unmarshal(t.Columns, &said) == nil {
		for _, column := range said {
			description := column.Description
			for _, personal := range column.Personal {
				text := strings.Join(strings.Fields(personal.Field+" "+personal.Mark+" "+personal.Treatment), " ")
				description = strings.TrimSpace(description + " [personnel: " + text + "]")
			}
			descriptions[column.Name] = description
		}
	}
	columns := make([]tableColumn, 0, len(t.Schema))
	for _, line := range t.Schema {
		name, typ, _ := strings.Cut(line, " ")
		columns = append(columns, tableColumn{name: name, typ: typ, description: descriptions[name]})
	}
	return columns
}

// googleType is a column's type in GoogleSQL, of a type as typeText writes it.
func googleType(text string) (string, error) {
	googled, rest, err := googleTypeOf(text)
	if err == nil && rest != "" {
		err = fmt.Errorf("%q follows it", rest)
	}
	if err != nil {
		return "", fmt.Errorf("type %s: %w", text, err)
	}
	return googled, nil
}

// googleTypeOf takes a type off the front of a text.
func googleTypeOf(text string) (googled, rest string, err error) {
	end := strings.IndexFunc(text, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') })
	if end < 0 {
		end = len(text)
	}
	name, rest := text[:end], text[end:]
	switch name {
	case "STRING", "BYTES", "INT64", "DATE", "TIMESTAMP":
		return name, rest, nil
	case "BOOLEAN":
		return "BOOL", rest, nil
	case "DOUBLE":
		return "FLOAT64", rest, nil
	case "DECIMAL":
		return googleDecimal(rest)
	case "LIST":
		return googleList(rest)
	case "STRUCT":
		return googleStruct(rest)
	}
	return "", "", fmt.Errorf("BigQuery has no %q", name)
}

// googleDecimal takes what follows DECIMAL. A NUMERIC has at most 29 digits before the point and 9 after it.
func googleDecimal(text string) (googled, rest string, err error) {
	inner, rest, closed := strings.Cut(strings.TrimPrefix(text, "("), ")")
	digits, after, _ := strings.Cut(inner, ",")
	precision, err := strconv.Atoi(digits)
	if err != nil || !closed {
		return "", "", fmt.Errorf("precision %q", digits)
	}
	scale, err := strconv.Atoi(after)
	if err != nil {
		return "", "", fmt.Errorf("scale %q", after)
	}
	name := "BIGNUMERIC"
	if scale <= 9 && precision-scale <= 29 {
		name = "NUMERIC"
	}
	return fmt.Sprintf("%s(%d, %d)", name, max(precision, scale, 1), scale), rest, nil
}

// googleList takes what follows LIST. BigQuery has no array of arrays.
func googleList(text string) (googled, rest string, err error) {
	element, rest, err := googleTypeOf(strings.TrimPrefix(text, "<"))
	switch {
	case err != nil:
		return "", "", err
	case strings.HasPrefix(element, "ARRAY<"):
		return "", "", fmt.Errorf("BigQuery has no array of arrays")
	case !strings.HasPrefix(rest, ">"):
		return "", "", fmt.Errorf("the list is not closed")
	}
	return "ARRAY<" + element + ">", rest[1:], nil
}

// googleStruct takes what follows STRUCT.
func googleStruct(text string) (googled, rest string, err error) {
	var fields []string
	rest = strings.TrimPrefix(text, "<")
	for {
		name, after, _ := strings.Cut(rest, " ")
		if !columnPattern.MatchString(name) {
			return "", "", fmt.Errorf("field %q", name)
		}
		field, after, err := googleTypeOf(after)
		if err != nil {
			return "", "", fmt.Errorf("field %s: %w", name, err)
		}
		fields = append(fields, googleIdentifier(name)+" "+field)
		if more, ok := strings.CutPrefix(after, ", "); ok {
			rest = more
			continue
		}
		after, closed := strings.CutPrefix(after, ">")
		if !closed {
			return "", "", fmt.Errorf("the struct is not closed")
		}
		return "STRUCT<" + strings.Join(fields, ", ") + ">", after, nil
	}
}

// googleIdentifier quotes a name. Those of tables and columns hold nothing that could end the quotes.
func googleIdentifier(name string) string { return "`" + name + "`" }

// googleLiteral is a text in GoogleSQL, where a backslash escapes.
func googleLiteral(text string) string {
	var sql strings.Builder
	sql.WriteByte('\'')
	for _, r := range text {
		switch {
		case r == '\'' || r == '\\':
			sql.WriteByte('\\')
			sql.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&sql, `\u%04x`, r)
		default:
			sql.WriteRune(r) // what is no UTF-8 has become U+FFFD
		}
	}
	sql.WriteByte('\'')
	return sql.String()
}

package flatten

import (
	"fmt"
	"strconv"
	"strings"

	"omega-export/schemas"
)

// DuckDBSelect is a second opinion: a SELECT in DuckDB's dialect (1.3 or later) that flattens the answers of the relation
// from, a table like reponses or a query in parentheses, into the columns of ArrowSchema but for _champs_inconnus.
// It works by DuckDB's own JSON functions, and gives NULL where a value does not fit, as the table has it.
//
// It differs from the table where DuckDB's JSON does: it rounds a number that a DOUBLE does not hold and forgets the sign
// of -0, has no rows for a document with a lone surrogate or a byte order mark, takes the first of two equal keys, fitting
// or not, and knows a key that is written with an escape.
func (t *Table) DuckDBSelect(from string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "SELECT numero_demande, _recupere_le, code_cdgf AS %s, _lot, _sha256", ColumnCodeCDGF)
	w := duckWriter{}
	for _, column := range t.Columns {
		fmt.Fprintf(&s, ",\n  %s AS %s", w.value("corps", pointer(column.Path...), column.Type), quoteName(column.Name))
	}
	fmt.Fprintf(&s, `
FROM (SELECT * REPLACE (TRY_CAST(TRY(decode(corps)) AS JSON) AS corps) FROM %s AS answers WHERE corps IS NOT NULL AND http_status = 200)
WHERE upper(json_extract_string(corps, '/type_demande/code')) = %s AND json_extract_string(corps, '/numero_demande') = numero_demande`,
		from, quoteText(strings.ToUpper(t.Type)))
	return s.String()
}

const (
	duckDay  = `\d{4}-\d{2}-\d{2}`
	duckHour = `([01]\d|2[0-3]):[0-5]\d`

	firstStamp = "TIMESTAMPTZ '0001-01-01 00:00:00+00'"
	lastStamp  = "TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'"
)

// duckWriter writes expressions. Each lambda's parameter has a name of its own.
type duckWriter struct{ names int }

func (w *duckWriter) name() string {
	w.names++
	return "x" + strconv.Itoa(w.names)
}

// value is the value at the path (a JSON pointer) of the JSON expression json: NULL if it does not fit the type.
func (w *duckWriter) value(json, path string, typ schemas.ColumnType) string {
	kind := fmt.Sprintf("json_type(%s, %s)", json, path)
	text := fmt.Sprintf("json_extract_string(%s, %s)", json, path)
	switch typ.Kind {
	case schemas.Bool:
		return fmt.Sprintf("CASE WHEN %s = 'BOOLEAN' THEN CAST(%s AS BOOLEAN) END", kind, text)
	case schemas.Int:
		return fmt.Sprintf("CASE WHEN %s IN ('BIGINT', 'UBIGINT') THEN TRY_CAST(%s AS BIGINT) END", kind, text)
	case schemas.Double:
		return fmt.Sprintf("CASE WHEN %s IN ('BIGINT', 'UBIGINT', 'DOUBLE') THEN TRY_CAST(%s AS DOUBLE) END", kind, text)
	case schemas.Decimal:
		// The cast rounds, so what it gives must be the number still.
		cast := fmt.Sprintf("TRY_CAST(%s AS %s)", text, typ)
		return fmt.Sprintf("CASE WHEN %s IN ('BIGINT', 'UBIGINT', 'DOUBLE') AND CAST(%s AS DOUBLE) = CAST(%s AS DOUBLE) THEN %s END", kind, cast, text, cast)
	case schemas.Date:
		return fmt.Sprintf("CASE WHEN %s = 'VARCHAR' AND regexp_full_match(%s, '%s') AND %s >= '0001' THEN TRY_CAST(%s AS DATE) END", kind, text, duckDay, text, text)
	case schemas.Stamp:
		cast := fmt.Sprintf("TRY_CAST(%s AS TIMESTAMPTZ)", text)
		return fmt.Sprintf(`CASE WHEN %s = 'VARCHAR' AND regexp_full_match(%s, '%sT%s:[0-5]\d(\.\d{1,6})?(Z|[+-]%s)') AND %s BETWEEN %s AND %s THEN %s END`,
			kind, text, duckDay, duckHour, duckHour, cast, firstStamp, lastStamp, cast)
	case schemas.List:
		return w.list(json, path, *typ.Elem)
	case schemas.Struct:
		return w.structure(json, path, typ.Fields)
	}
	return fmt.Sprintf("CASE WHEN %s = 'VARCHAR' THEN %s END", kind, text)
}

// list is NULL unless each element fits.
func (w *duckWriter) list(json, path string, elem schemas.ColumnType) string {
	element, list, hole := w.name(), w.name(), w.name()
	elements := fmt.Sprintf("list_transform(from_json(json_extract(%s, %s), '[\"JSON\"]'), lambda %s: %s)", json, path, element, w.value(element, "''", elem))
	return fmt.Sprintf("CASE WHEN json_type(%s, %s) = 'ARRAY' THEN %s END", json, path,
		with(list, elements, fmt.Sprintf("len(list_filter(%s, lambda %s: %s IS NULL)) = 0", list, hole, hole)))
}

// structure is NULL unless each key that is not null or {} has a field that it fits.
func (w *duckWriter) structure(json, path string, fields []schemas.Field) string {
	object, made, key := w.name(), w.name(), w.name()
	var members, names []string
	fits := "true"
	for _, field := range fields {
		at := pointer(field.Name)
		members = append(members, quoteText(field.Name)+": "+w.value(object, at, field.Type))
		names = append(names, quoteText(field.Name))
		fits += fmt.Sprintf(" AND (%s[%s] IS NOT NULL OR %s)", made, quoteText(field.Name), duckNull(object, at))
	}
	anyPath := fmt.Sprintf("'/' || replace(replace(%s, '~', '~0'), '/', '~1')", key)
	fits += fmt.Sprintf(" AND len(list_filter(json_keys(%s), lambda %s: %s NOT IN (%s) AND NOT %s)) = 0",
		object, key, key, strings.Join(names, ", "), duckNull(object, anyPath))
	inner := with(made, "{"+strings.Join(members, ", ")+"}", fits)
	return fmt.Sprintf("CASE WHEN json_type(%s, %s) = 'OBJECT' THEN list_transform([json_extract(%s, %s)], lambda %s: %s)[1] END", json, path, json, path, object, inner)
}

// with is value if the condition, which calls it name, holds, else NULL. It writes value once.
func with(name, value, condition string) string {
	return fmt.Sprintf("list_transform([%s], lambda %s: CASE WHEN %s THEN %s END)[1]", value, name, condition, name)
}

// duckNull says whether what is at the path is NULL in a table: nothing, null or {}.
func duckNull(json, path string) string {
	return fmt.Sprintf("coalesce(CAST(json_extract(%s, %s) AS VARCHAR), 'null') IN ('null', '{}')", json, path)
}

// pointer is a JSON pointer (RFC 6901) as an SQL text.
func pointer(path ...string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	pointer := ""
	for _, key := range path {
		pointer += "/" + escape.Replace(key)
	}
	return quoteText(pointer)
}

func quoteText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

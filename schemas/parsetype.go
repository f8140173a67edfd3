package schemas

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const kindsShown = "the types are STRING, BOOLEAN, INT64, DOUBLE, DECIMAL(12,3), DATE, TIMESTAMP, LIST<STRING>, LIST<STRUCT<code STRING, n INT64>>"

// ParseType reads a column's type as ColumnType.String writes it: DECIMAL(12,3), LIST<STRUCT<code STRING, l LIST<INT64>>>.
// The words are in upper case; between them there may be any spaces. The fields of a STRUCT are named by their JSON
// keys, [A-Za-z_][A-Za-z0-9_]*, no two of them equal but for case. The error names the character, counted from 1.
func ParseType(text string) (ColumnType, error) {
	p := typeParser{text: text}
	typ, err := p.typeIn("", 0)
	if err != nil {
		return ColumnType{}, err
	}
	if at := p.skip(); at < len(text) {
		return ColumnType{}, p.fail(at, "nothing may follow %s, but here is %s", shown(typ.String()), p.found())
	}
	return typ, nil
}

// typeParser reads a type from its text, one word after the other.
type typeParser struct {
	text string
	at   int
}

// typeIn reads the type that stands next, inside an outer LIST or STRUCT ("" for none) and so many STRUCTs in all.
func (p *typeParser) typeIn(outer Kind, structs int) (ColumnType, error) {
	at := p.skip()
	word := p.word()
	typ := ColumnType{Kind: Kind(word)}
	switch typ.Kind {
	case Text, Bool, Int, Double, Date, Stamp:
		return typ, nil
	case Decimal:
		return p.decimal(at)
	case List:
		if outer == List {
			return typ, p.fail(at, "a LIST can hold no LIST: leave the column out, and its values stand in _champs_inconnus")
		}
		return p.list(structs)
	case Struct:
		if outer == "" {
			return typ, p.fail(at, "a STRUCT stands only inside a LIST: declare the object's fields as columns of their own, as chemin: a.b")
		}
		if structs == maxLevels {
			return typ, p.fail(at, "more than %d STRUCTs inside one another: leave the inner ones out", maxLevels)
		}
		return p.structure(structs + 1)
	}
	return typ, p.unknown(at, word)
}

func (p *typeParser) unknown(at int, word string) error {
	kinds := []string{string(Text), string(Bool), string(Int), string(Double), string(Decimal), string(Date), string(Stamp), string(List), string(Struct)}
	if word == "" {
		return p.fail(at, "a type is wanted, but here is %s; %s", p.found(), kindsShown)
	}
	if upper := strings.ToUpper(word); slices.Contains(kinds, upper) {
		return p.fail(at, "types are written in upper case: write %s", upper)
	}
	return p.fail(at, "%s is no type%s; %s", shown(word), suggestion(word, kinds), kindsShown)
}

func (p *typeParser) decimal(at int) (ColumnType, error) {
	typ := ColumnType{Kind: Decimal}
	for _, part := range []struct {
		before byte
		digits *int
	}{{'(', &typ.Precision}, {',', &typ.Scale}} {
		if err := p.want(part.before, "DECIMAL says how many digits it has in all, and how many after the point, as DECIMAL(12,3)"); err != nil {
			return typ, err
		}
		start := p.skip()
		value, err := strconv.ParseUint(p.word(), 10, 16)
		if err != nil {
			p.at = start
			return typ, p.fail(start, "a number of digits is wanted, as in DECIMAL(12,3), but here is %s", p.found())
		}
		*part.digits = int(value)
	}
	if err := p.want(')', "DECIMAL ends with )"); err != nil {
		return typ, err
	}
	if typ.check() != nil {
		return typ, p.fail(at, "%s has 1 to %d digits in all, and 0 to all of them after the point", typ, MaxPrecision)
	}
	return typ, nil
}

func (p *typeParser) list(structs int) (ColumnType, error) {
	if err := p.want('<', "LIST says what its elements are, as LIST<STRING>"); err != nil {
		return ColumnType{}, err
	}
	elem, err := p.typeIn(List, structs)
	if err != nil {
		return ColumnType{}, err
	}
	return ColumnType{Kind: List, Elem: &elem}, p.want('>', "LIST ends with > after its element's type")
}

func (p *typeParser) structure(structs int) (ColumnType, error) {
	typ := ColumnType{Kind: Struct}
	if err := p.want('<', "STRUCT says what its fields are, as STRUCT<code STRING, n INT64>"); err != nil {
		return typ, err
	}
	names := map[string]bool{} // in lower case
	for {
		field, err := p.field(names, structs)
		if err != nil {
			return typ, err
		}
		typ.Fields = append(typ.Fields, field)
		at := p.skip()
		if at == len(p.text) || p.text[at] != ',' {
			return typ, p.want('>', "STRUCT has a comma between its fields, and ends with >")
		}
		p.at++
	}
}

func (p *typeParser) field(names map[string]bool, structs int) (Field, error) {
	at := p.skip()
	name := p.word()
	if reason := badKey(name); reason != "" {
		p.at = at
		return Field{}, p.fail(at, "a field's name is wanted, made of A to Z, a to z, 0 to 9 and _, the first no digit, but here is %s", p.found())
	}
	if len(name) > maxNameLength {
		return Field{}, p.fail(at, "the field's name has more than %d characters: leave it out", maxNameLength)
	}
	if name[0] == '_' {
		return Field{}, p.fail(at, "no field can be named %s: names that begin with _ are kept, some of them by BigQuery: leave it out", shown(name))
	}
	folded := strings.ToLower(name)
	if names[folded] {
		return Field{}, p.fail(at, "a second field is named %s (upper and lower case are one here): leave one out", shown(name))
	}
	names[folded] = true
	typ, err := p.typeIn(Struct, structs)
	return Field{Name: name, Type: typ}, err
}

// want takes the sign that must come next.
func (p *typeParser) want(sign byte, otherwise string) error {
	at := p.skip()
	if at == len(p.text) || p.text[at] != sign {
		return p.fail(at, "%s; here is %s", otherwise, p.found())
	}
	p.at++
	return nil
}

// skip passes over spaces and says where the next thing begins.
func (p *typeParser) skip() int {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
	return p.at
}

// word takes the letters, digits and _ that come next, maybe none.
func (p *typeParser) word() string {
	start := p.skip()
	for p.at < len(p.text) && isNameByte(p.text[p.at]) {
		p.at++
	}
	return p.text[start:p.at]
}

// found names what stands next, for a message.
func (p *typeParser) found() string {
	if p.at == len(p.text) {
		return "the end"
	}
	if word := p.word(); word != "" {
		return shown(word)
	}
	sign, _ := utf8.DecodeRuneInString(p.text[p.at:])
	return shown(string(sign))
}

func (p *typeParser) fail(at int, format string, args ...any) error {
	reason := fmt.Sprintf(format, args...)
	return fmt.Errorf("type %s, character %d: %s", shown(p.text), utf8.RuneCountInString(p.text[:at])+1, reason)
}

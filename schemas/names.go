package schemas

import (
	"fmt"
	"regexp"
	"strings"
)

const (
	// maxColumns is how many columns a table may have, the program's own included; the fields of a list's structs count one each.
	maxColumns = 1000
	// ownColumns is how many of them the program writes itself: numero_demande and those that begin with _.
	ownColumns = 6
	// maxNameLength is the longest column name, in characters, that BigQuery takes.
	maxNameLength = 300
	// maxLevels is how deep a column's path may go, and records may be nested in BigQuery.
	maxLevels = 15
)

var typeCode = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

// badCode says why a type can have no table under that code, or "".
func badCode(code string) string {
	if typeCode.MatchString(code) {
		return ""
	}
	return fmt.Sprintf("%s is no type's code: a letter, then letters, digits and _, 64 characters at most", shown(code))
}

// badKey says why a document's key can name no column, or "".
func badKey(key string) string {
	switch {
	case key == "":
		return "it is empty"
	case key[0] >= '0' && key[0] <= '9':
		return "it begins with a digit"
	}
	for i := range len(key) {
		if !isNameByte(key[i]) {
			return "it has characters other than A to Z, a to z, 0 to 9 and _"
		}
	}
	return ""
}

// badPath says why no column can stand at that path, or "".
func badPath(path []string) string {
	for i, key := range path {
		if reason := badKey(key); reason != "" {
			return fmt.Sprintf("key %d, %s, can be no column: %s; such a field stands in _champs_inconnus", i+1, shown(key), reason)
		}
	}
	name := strings.Join(path, "__")
	switch {
	case len(path) > maxLevels:
		return fmt.Sprintf("the path has %d levels, and a column %d at most; deeper fields stand in _champs_inconnus", len(path), maxLevels)
	case len(name) > maxNameLength:
		return fmt.Sprintf("the column's name has %d characters, and may have %d; such a field stands in _champs_inconnus", len(name), maxNameLength)
	case strings.EqualFold(name, "numero_demande"):
		return fmt.Sprintf("no column can be named %s: the program writes that one itself", name)
	case strings.EqualFold(name, "date_export"):
		return fmt.Sprintf("no column can be named %s: the tables' folders are partitioned by that name", name)
	case name[0] == '_':
		return fmt.Sprintf("no column can be named %s: the names that begin with _ are the program's own", name)
	}
	return ""
}

func isNameByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

package schemas

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// folder writes files, by name, into a new folder.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func loaded(t testing.TB, files map[string]string) *Set {
	t.Helper()
	set, err := Load(folder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func embeddedSet(t testing.TB) *Set {
	t.Helper()
	set, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// names are the names of columns in order.
func names(columns []Column) []string {
	var all []string
	for _, column := range columns {
		all = append(all, column.Name())
	}
	return all
}

func parsed(t testing.TB, text string) ColumnType {
	t.Helper()
	typ, err := ParseType(text)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func sameColumns(a, b []Column) bool {
	return slices.EqualFunc(a, b, func(a, b Column) bool {
		return slices.Equal(a.Path, b.Path) && a.Type.Equal(b.Type) && a.Description == b.Description && a.Since == b.Since
	})
}

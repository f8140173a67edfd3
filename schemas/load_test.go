package schemas

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestTheUsersFilesStandOverTheEmbedded(t *testing.T) {
	set := loaded(t, map[string]string{
		"README.md":      "# Mes schémas\n",
		"notes.txt":      "\xff",
		".#chf.yaml":     "[",
		"old/chf.yaml":   "[",
		"chf.yaml":       withColumns("- chemin: informations_contractuelles.car", "  type: DECIMAL(12,3)", "  description: \"Consommation\"", "  depuis: 2025-02-25", "- {chemin: x, type: 'LIST<STRUCT<a DATE, b DATE>>'}"),
		"types/ZZ_1.YML": "\uFEFFversion: 1\r\ncode: zz_1\r\nlibelle: |\r\n  Un type\r\n  à nous\r\ncolonnes: [{type: INT64, chemin: n}]\r\n",
	})
	chf, _ := set.Type("CHF")
	want := []Column{
		{Path: []string{"informations_contractuelles", "car"}, Type: parsed(t, "DECIMAL(12,3)"), Description: "Consommation", Since: "2025-02-25"},
		{Path: []string{"x"}, Type: parsed(t, "LIST<STRUCT<a DATE, b DATE>>")},
	}
	if chf.Label != "Changement" || !sameColumns(chf.Columns, want) {
		t.Errorf("CHF is %+v", chf)
	}
	added, ok := set.Type("ZZ_1")
	if !ok || added.Code != "zz_1" || added.Label != "Un type\nà nous\n" || !slices.Equal(names(added.Columns), []string{"n"}) {
		t.Errorf("zz_1 is %+v", added)
	}
	if !sameColumns(set.Root(), embeddedSet(t).Root()) || len(set.Types()) != 24 {
		t.Errorf("the set has %d types and the root %v", len(set.Types()), names(set.Root()))
	}
	if !slices.IsSortedFunc(set.Types(), func(a, b Demande) int {
		return strings.Compare(strings.ToUpper(a.Code), strings.ToUpper(b.Code))
	}) {
		t.Error("the types are not sorted by code")
	}
	if columns := set.Columns("chf"); len(columns) != 23 || columns[22].Name() != "x" {
		t.Errorf("the columns of CHF are %v", names(columns))
	}
}

func TestAUsersRootReplacesTheEmbedded(t *testing.T) {
	set := loaded(t, map[string]string{
		"racine.yml": "version: 1\ncolonnes:\n- {chemin: type_demande.code, type: STRING}\n- {chemin: neuf, type: DATE}\n" + rootTail,
		// Of the embedded root, but not of this one.
		"chf.yaml": withColumns("- {chemin: cdgf.code, type: STRING}"),
	})
	if root := names(set.Root()); !slices.Equal(root, []string{"type_demande__code", "neuf"}) {
		t.Errorf("the root is %v", root)
	}
	if !slices.Equal(set.Blocks(), []string{"informations_client"}) {
		t.Errorf("the blocks are %v", set.Blocks())
	}
	if columns := names(set.Columns("CHF")); !slices.Equal(columns, []string{"type_demande__code", "neuf", "cdgf__code"}) {
		t.Errorf("CHF has %v", columns)
	}
	if len(set.Types()) != 23 {
		t.Errorf("%d types are left", len(set.Types()))
	}
}

func TestATypeMayBeCalledRacineInItsFolder(t *testing.T) {
	set := loaded(t, map[string]string{"types/racine.yaml": "version: 1\ncode: RACINE\nlibelle: \"\"\ncolonnes: []\n"})
	if _, ok := set.Type("RACINE"); !ok || len(set.Root()) != 21 {
		t.Errorf("%v, the root has %d columns", ok, len(set.Root()))
	}
}

func TestAColumnMayStandBelowAnothersPath(t *testing.T) {
	set := loaded(t, map[string]string{"chf.yaml": withColumns("- {chemin: a.b, type: DATE}", "- {chemin: a.b.c, type: DATE}", "- {chemin: cree_par.nom, type: STRING}")})
	if columns := names(set.Columns("CHF"))[21:]; !slices.Equal(columns, []string{"a__b", "a__b__c", "cree_par__nom"}) {
		t.Errorf("CHF has %v", columns)
	}
}

func TestFilesThatContradictOneAnotherAreRefused(t *testing.T) {
	empty := typeHead + "colonnes: []\n"
	root := "version: 1\ncolonnes: []\n" + rootTail
	for name, c := range map[string]struct {
		files   map[string]string
		message string
	}{
		"one type twice":            {map[string]string{"chf.yaml": empty, "chf.yml": empty}, "chf.yml:2: the type CHF is in chf.yaml already: leave one file out"},
		"one type in two places":    {map[string]string{"chf.yaml": empty, "types/CHF.yaml": empty}, "types/CHF.yaml:2: the type CHF is in chf.yaml already: leave one file out"},
		"one type in two cases":     {map[string]string{"CHF.yaml": empty, "types/chf.yaml": strings.Replace(empty, "CHF", "chf", 1)}, "types/chf.yaml:2: the type chf is in CHF.yaml already: leave one file out"},
		"two roots":                 {map[string]string{"racine.yaml": root, "racine.yml": root}, "racine.yml: the root is in racine.yaml already: leave one file out"},
		"a file named otherwise":    {map[string]string{"changement de fournisseur.yaml": empty}, "changement de fournisseur.yaml:2: a type's file is named after its code: rename this one to chf.yaml"},
		"the user's root and types": {map[string]string{"racine.yaml": strings.Replace(root, "[]", "[{chemin: a, type: DATE}]", 1), "chf.yaml": withColumns("- {chemin: a, type: DATE}")}, "chf.yaml:5: the column a is declared for all types in racine.yaml, line 2 already (upper and lower case are one here, and so are . and __): leave one out"},
	} {
		if got := mistakes(t, c.files); got != c.message {
			t.Errorf("%s\n got %s\nwant %s", name, got, c.message)
		}
	}
}

func TestAFolderWithoutSchemasIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if _, err := Load(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	empty := folder(t, map[string]string{"README.md": "", "types/README.md": ""})
	want := "reading the folder of schemas " + empty + ": it has no racine.yaml, no personnel.yaml and no type's file, as chf.yaml"
	if _, err := Load(empty); err == nil || err.Error() != want {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := Load(folder(t, map[string]string{"types": ""})); err == nil || !strings.Contains(err.Error(), "no racine.yaml") {
		t.Errorf("a file in the place of types/: %v", err)
	}
	file := filepath.Join(empty, "README.md")
	if _, err := Load(file); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("a file for a folder: %v", err)
	}
}

func TestAFileThatCannotBeReadIsTold(t *testing.T) {
	dir := folder(t, map[string]string{"mes.yaml": "version: 1\ncode: MES\nlibelle: \"\"\ncolonnes: []\n"})
	if err := os.Symlink("nowhere", filepath.Join(dir, "chf.yaml")); err != nil {
		t.Skip("no symbolic links here")
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(dir, "cht.yaml")); err != nil {
		t.Fatal(err)
	}
	_, err := Load(dir)
	want := filepath.Join(dir, "chf.yaml") + ": it cannot be read: no such file or directory\n" +
		filepath.Join(dir, "cht.yaml") + ": it cannot be read: it is no ordinary file"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestAFolderMadeOfLinksIsRead(t *testing.T) {
	real := folder(t, map[string]string{"chf.yaml": withColumns("- {chemin: a, type: DATE}")})
	dir := t.TempDir() // as Kubernetes mounts a ConfigMap
	if err := os.Symlink(real, filepath.Join(dir, "..data")); err != nil {
		t.Skip("no symbolic links here")
	}
	if err := os.Symlink(filepath.Join("..data", "chf.yaml"), filepath.Join(dir, "chf.yaml")); err != nil {
		t.Fatal(err)
	}
	set, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if chf, _ := set.Type("CHF"); len(chf.Columns) != 1 {
		t.Errorf("CHF is %+v", chf)
	}
}

func TestTheReadmesExampleIsRead(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(readme), "`mine/chf.yaml`:\n\n")
	example, _, _ = strings.Cut(example, "\nand then")
	set := loaded(t, map[string]string{"chf.yaml": strings.ReplaceAll("\n"+example, "\n    ", "\n")})
	if columns := names(set.Columns("CHF"))[21:]; !slices.Equal(columns, []string{"informations_contractuelles__car", "informations_client__contacts"}) {
		t.Errorf("CHF has %v", columns)
	}
}

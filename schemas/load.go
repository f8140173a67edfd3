package schemas

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed racine.yaml personnel.yaml types/*.yaml
var embedded embed.FS

// Embedded is the set of the program's own files: the root's fields and the 23 types of the guide.
func Embedded() (*Set, error) {
	own, flaws := readFolder(embedded, "schemas")
	set, more := assemble(own)
	if err := joined(append(flaws, more...)); err != nil {
		return nil, fmt.Errorf("reading the program's own schemas: %w", err)
	}
	return set, nil
}

// Load is the embedded set with the files of a folder over it: racine.yaml replaces the root, and
// personnel.yaml the patterns of personal keys; any other .yaml or .yml
// file, at the top or in types/, replaces the type of the same code or adds one. Files of other names, and hidden ones, are passed over.
//
// A folder that is not there, or that holds no schema file, is an error. All mistakes of all files are told at once, each a *FileError.
func Load(folder string) (*Set, error) {
	if _, err := os.ReadDir(folder); err != nil {
		return nil, fmt.Errorf("reading the folder of schemas: %w", err)
	}
	own, flaws := readFolder(embedded, "schemas")
	if len(flaws) > 0 {
		return nil, fmt.Errorf("reading the program's own schemas: %w", joined(flaws))
	}
	return own.under(os.DirFS(folder), folder)
}

// under is the set of the files with those of a folder over them.
func (f *files) under(folder fs.FS, name string) (*Set, error) {
	users, flaws := readFolder(folder, name)
	if users.root == nil && users.personalFile == "" && len(users.types) == 0 && len(flaws) == 0 {
		return nil, fmt.Errorf("reading the folder of schemas %s: it has no racine.yaml, no personnel.yaml and no type's file, as chf.yaml", name)
	}
	all := &files{root: f.root, types: maps.Clone(f.types), personal: f.personal}
	if users.personalFile != "" {
		all.personal = users.personal
	}
	if users.root != nil {
		all.root = users.root
	}
	maps.Copy(all.types, users.types)
	set, more := assemble(all)
	if err := joined(append(flaws, more...)); err != nil {
		return nil, err
	}
	return set, nil
}

// files are the documents of a folder.
type files struct {
	root  *document            // nil if it has none
	types map[string]*document // by code in upper case
	// personal are the patterns of personalFile, which is "" if the folder has none.
	personal     []Pattern
	personalFile string
}

// readFolder reads all schema files of a folder, which messages call name.
func readFolder(folder fs.FS, name string) (*files, []*FileError) {
	read := &files{types: map[string]*document{}}
	var flaws []*FileError
	for _, within := range []string{".", "types"} {
		if info, err := fs.Stat(folder, within); err == nil && !info.IsDir() || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		entries, err := fs.ReadDir(folder, within)
		if err != nil {
			flaws = append(flaws, unreadable(filepath.Join(name, within), err))
		}
		for _, entry := range entries {
			if isSchemaFile(entry) {
				flaws = append(flaws, read.add(folder, path.Join(within, entry.Name()), name)...)
			}
		}
	}
	return read, flaws
}

// isSchemaFile says whether a file is to be read. Editors leave hidden files behind, which are not.
func isSchemaFile(entry fs.DirEntry) bool {
	extension := strings.ToLower(path.Ext(entry.Name()))
	return !entry.IsDir() && entry.Name()[0] != '.' && (extension == ".yaml" || extension == ".yml")
}

// add reads one file of the folder into its place.
func (f *files) add(folder fs.FS, file, name string) []*FileError {
	shownFile := filepath.Join(name, filepath.FromSlash(file))
	content, err := readFile(folder, file)
	if err != nil {
		return []*FileError{unreadable(shownFile, err)}
	}
	stem := strings.TrimSuffix(path.Base(file), path.Ext(file))
	if path.Dir(file) == "." && strings.EqualFold(stem, "personnel") {
		return f.addPersonal(shownFile, content)
	}
	isRoot := path.Dir(file) == "." && strings.EqualFold(stem, "racine")
	read, flaws := readDocument(shownFile, content, isRoot)
	if isRoot {
		if f.root != nil {
			return append(flaws, &FileError{File: shownFile, Reason: "the root is in " + f.root.file + " already: leave one file out"})
		}
		f.root = read
		return flaws
	}
	code, reason := f.codeOf(read, stem)
	if reason != "" {
		flaws = append(flaws, &FileError{File: shownFile, Line: read.codeLine, Reason: reason})
	}
	if code == "" {
		code = shownFile // which is no type's code: what is wrong with its columns is told all the same
	}
	f.types[code] = read
	return flaws
}

// addPersonal reads the folder's patterns of personal keys.
func (f *files) addPersonal(file string, content []byte) []*FileError {
	patterns, flaws := readPersonal(file, content)
	if f.personalFile != "" {
		return append(flaws, &FileError{File: file, Reason: "the personal keys are in " + f.personalFile + " already: leave one file out"})
	}
	f.personal, f.personalFile = patterns, file
	return flaws
}

// codeOf is the code under which a file's type is kept, or "" if it has none or another file has it, and what is wrong with it.
func (f *files) codeOf(read *document, stem string) (code, reason string) {
	if read.code == "" {
		return "", "" // which has been told
	}
	code = strings.ToUpper(read.code)
	if first := f.types[code]; first != nil {
		return "", fmt.Sprintf("the type %s is in %s already: leave one file out", read.code, first.file)
	}
	if strings.EqualFold(stem, read.code) {
		return code, ""
	}
	reason = fmt.Sprintf("a type's file is named after its code: rename this one to %s", fileName(read.code))
	if badCode(stem) == "" {
		reason += ", or write code: " + strings.ToUpper(stem)
	}
	return code, reason
}

// fileName is the name of a type's file.
func fileName(code string) string { return strings.ToLower(code) + ".yaml" }

// readFile reads a file up to a little more than what is accepted.
func readFile(folder fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(folder, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no ordinary file") // to open a pipe would wait for ever
	}
	file, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxFileBytes+1))
}

func unreadable(file string, err error) *FileError {
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return &FileError{File: file, Reason: fmt.Sprintf("it cannot be read: %v", err)}
}

// sorted are the types' documents by code.
func (f *files) sorted() []*document {
	var documents []*document
	for _, code := range slices.Sorted(maps.Keys(f.types)) {
		documents = append(documents, f.types[code])
	}
	return documents
}

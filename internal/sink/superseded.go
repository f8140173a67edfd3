package sink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// superseded is a file that was replaced and waits for its removal, in the list _lots/.superseded. The list follows
// from the replacements' records: it saves reading them, and is made anew with each replacement.
type superseded struct {
	Path        string    `json:"path"`
	RemoveAfter time.Time `json:"remove_after"`
}

func readSuperseded(ctx context.Context, in storage) ([]superseded, error) {
	var list []superseded
	err := readJSON(ctx, in, supersededName, &list)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, file := range list {
		if _, ok := parseDataName(file.Path); !ok {
			return nil, fmt.Errorf("reading %s: it names %q, which is no file of a table", in.URI(supersededName), file.Path)
		}
	}
	return list, nil
}

// supersede adds what a replacement replaces to the list. Only under the lock, once no pointer names these files.
func supersede(ctx context.Context, in storage, record *replacementRecord) error {
	list, err := readSuperseded(ctx, in)
	if err != nil {
		return err
	}
	listed := map[string]bool{}
	for _, file := range list {
		listed[file.Path] = true
	}
	for _, paths := range record.Replaces {
		for _, path := range paths {
			if !listed[path] {
				list = append(list, superseded{Path: path, RemoveAfter: record.RemoveAfter})
			}
		}
	}
	return writeSuperseded(ctx, in, list)
}

func writeSuperseded(ctx context.Context, in storage, list []superseded) error {
	if len(list) == 0 {
		return in.Erase(ctx, []string{supersededName})
	}
	slices.SortFunc(list, func(a, b superseded) int { return strings.Compare(a.Path, b.Path) })
	return writeJSON(ctx, in, supersededName, "superseded", list)
}

// removeDue removes the replaced files whose time has come. A file that a pointer names stays, whatever the list says.
// Only under the lock, after recover.
func (o *Output) removeDue(ctx context.Context) error {
	list, err := readSuperseded(ctx, o.storage)
	if err != nil || len(list) == 0 {
		return err
	}
	now := o.now()
	if !slices.ContainsFunc(list, func(file superseded) bool { return !now.Before(file.RemoveAfter) }) {
		return nil
	}
	named, err := o.pointed(ctx)
	if err != nil {
		return err
	}
	var due []string
	later := list[:0]
	for _, file := range list {
		switch {
		case now.Before(file.RemoveAfter):
			later = append(later, file)
		case !named[file.Path]:
			due = append(due, file.Path)
		}
	}
	// The list goes last: who is killed before removes again what is gone.
	if err := o.storage.Erase(ctx, due); err != nil {
		return err
	}
	return writeSuperseded(ctx, o.storage, later)
}

// pointed is the paths that pointers name.
func (o *Output) pointed(ctx context.Context) (map[string]bool, error) {
	tables, err := stems(ctx, o.storage, tablesFolder)
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, table := range tables {
		pointer, err := readPointer(ctx, o.storage, table)
		if err != nil {
			return nil, err
		}
		if pointer == nil {
			continue
		}
		for _, file := range pointer.Files {
			named[file.Path] = true
		}
	}
	return named, nil
}

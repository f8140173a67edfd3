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

// abandonedAfter is how long a file stays that no publication has come to name.
const abandonedAfter = 24 * time.Hour

// tidy removes what dead processes left, unless another process is publishing, and ends the replacement that one had
// committed. Lots are ended by those who ask for them.
func (o *Output) tidy(ctx context.Context) error {
	unlock, err := o.storage.TryLock(lockName)
	if err != nil || unlock == nil {
		return err
	}
	defer unlock()
	if err := o.sweep(ctx); err != nil {
		return err
	}
	begun, err := readIntent(ctx, o.storage)
	if err != nil {
		return err
	}
	if begun != nil && begun.Kind == intentOfReplacement {
		if err := o.recover(ctx); err != nil {
			return err
		}
	}
	if err := o.removeDue(ctx); err != nil {
		return err
	}
	return o.removeAbandoned(ctx)
}

// removeAbandoned removes the data files of lots and replacements that were not published and that nobody has come back
// to for abandonedAfter. A lot that still waits somewhere writes its files again. Only under the lock of publications,
// after recover.
func (o *Output) removeAbandoned(ctx context.Context) error {
	old, err := o.storage.Dated(ctx, "")
	if err != nil {
		return err
	}
	since := o.now().Add(-abandonedAfter)
	old = slices.DeleteFunc(old, func(file dated) bool { return !file.written.Before(since) })
	if len(old) == 0 {
		return nil
	}
	named, err := o.pointed(ctx)
	if err != nil {
		return err
	}
	note, err := readReplacementNote(ctx, o.storage)
	if err != nil {
		return err
	}
	recorded := map[string]bool{} // by stem
	var abandoned []string
	for _, file := range old {
		parts, ok := parseDataName(file.name)
		if !ok || named[file.name] || note != nil && parts.isOf(note.Name) {
			continue
		}
		known, looked := recorded[parts.stem]
		if !looked {
			if known, err = o.isRecorded(ctx, parts.stem); err != nil {
				return err
			}
			recorded[parts.stem] = known
		}
		if !known {
			abandoned = append(abandoned, file.name)
		}
	}
	return o.storage.Erase(ctx, abandoned)
}

// isRecorded says whether the commit record of a data file's lot or replacement stands.
func (o *Output) isRecorded(ctx context.Context, stem string) (bool, error) {
	there, err := o.storage.Open(ctx, recordOf(stem))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, there.Close()
}

// recordOf is the name of the record of the lot or replacement that a data file is of.
func recordOf(stem string) string {
	if strings.Contains(stem, replacementMark("")) {
		return replacementName(lotOf(stem))
	}
	return recordName(stem)
}

// lotOf is the lot or replacement that a data file is of.
func lotOf(stem string) string {
	of, _, _ := strings.Cut(stem, replacementMark(""))
	return of
}

// sweep removes what was left aside, and the files of a replacement that did not happen. Only under the lock of
// publications. Without a note no replacement has files: it writes the note under that lock too.
func (o *Output) sweep(ctx context.Context) error {
	note, err := readReplacementNote(ctx, o.storage)
	if err != nil {
		return err
	}
	if note == nil {
		return o.storage.Sweep(ctx, func(string) bool { return false })
	}
	unlock, err := o.storage.TryLock(replacingName)
	if err != nil {
		return err
	}
	if unlock == nil {
		return o.storage.Sweep(ctx, isReplacementsTemporary)
	}
	defer unlock()
	if err := o.storage.Sweep(ctx, func(string) bool { return false }); err != nil {
		return err
	}
	return o.forget(ctx, note.Name)
}

// forget removes a replacement's files, unless its record stands, and then its note. Only under the lock of
// replacements.
func (o *Output) forget(ctx context.Context, name string) error {
	_, err := readReplacement(ctx, o.storage, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := o.eraseOf(ctx, name, ""); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	return o.storage.Erase(ctx, []string{replacementNoteName})
}

// eraseOf removes a replacement's files of a table, or of all for "".
func (o *Output) eraseOf(ctx context.Context, name, table string) error {
	files, err := dataFiles(ctx, o.storage, table)
	if err != nil {
		return fmt.Errorf("looking for the files of replacement %s: %w", name, err)
	}
	var own []string
	for _, file := range files {
		if parts, ok := parseDataName(file); ok && parts.isOf(name) {
			own = append(own, file)
		}
	}
	return o.storage.Erase(ctx, own)
}

// dataFiles names every file that looks like data of a table, or of any for "".
func dataFiles(ctx context.Context, in storage, table string) ([]string, error) {
	names, err := in.List(ctx, table)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, name := range names {
		if looksLikeData(name) {
			files = append(files, name)
		}
	}
	return files, nil
}

// looksLikeData says whether a reader that globs takes an object for one of a table.
func looksLikeData(name string) bool {
	folder, _, _ := strings.Cut(name, "/")
	return strings.HasSuffix(name, ".parquet") && !isOurs(folder)
}

package sink

import (
	"context"
	"errors"
	"slices"
	"time"
)

// leftFiles are the files that no pointer names and that have a row to be forgotten.
type leftFiles struct {
	unrecorded []string      // of lots that were cut short, which no record names
	waiting    []WaitingFile // replaced
}

// left finds them. A replaced file that cannot be read counts as one of them, since it goes anyway.
func (f *forgetting) left(ctx context.Context) (left leftFiles, err error) {
	o := f.output
	all, err := readRecords(ctx, o.storage)
	if err != nil {
		return left, err
	}
	live, recorded := map[string]bool{}, map[string]bool{}
	for _, file := range all.live() {
		live[file.Path] = true
	}
	for _, file := range all.files() {
		recorded[file.Path] = true
	}
	for path := range replacedBy(all.replacements) {
		recorded[path] = true
	}
	note, err := readReplacementNote(ctx, o.storage)
	if err != nil {
		return left, err
	}
	due, err := removalTimes(ctx, o.storage)
	if err != nil {
		return left, err
	}
	files, err := dataFiles(ctx, o.storage, "")
	if err != nil {
		return left, err
	}
	files = slices.DeleteFunc(files, func(path string) bool {
		parts, ok := parseDataName(path)
		return !ok || live[path] || note != nil && parts.isOf(note.Name) && !recorded[path]
	})
	holds := make([]map[string]int64, len(files))
	err = f.eachFile(ctx, len(files), func(ctx context.Context, i int) error {
		numbers, _, err := f.numbersOf(ctx, files[i])
		if errors.Is(err, ErrDamaged) && recorded[files[i]] {
			numbers, err = map[string]int64{"": 0}, nil
		}
		holds[i] = numbers
		return err
	})
	if err != nil {
		return left, err
	}
	for i, path := range files {
		if len(holds[i]) == 0 {
			continue
		}
		for numero := range holds[i] {
			f.report.Rows[numero] += 0 // found, though in no table
		}
		if recorded[path] {
			left.waiting = append(left.waiting, WaitingFile{Path: path, RemoveAfter: due[path]})
		} else {
			left.unrecorded = append(left.unrecorded, path)
		}
	}
	delete(f.report.Rows, "")
	return left, nil
}

// removalTimes are those of the list of superseded files, by path.
func removalTimes(ctx context.Context, in storage) (map[string]time.Time, error) {
	list, err := readSuperseded(ctx, in)
	due := map[string]time.Time{}
	for _, file := range list {
		due[file.Path] = file.RemoveAfter
	}
	return due, err
}

// leftovers removes what no pointer names and has a row to be forgotten: at once, or a replaced file at the end of the
// grace, or of its own if that is sooner.
func (f *forgetting) leftovers(ctx context.Context) error {
	o := f.output
	unlock, err := o.storage.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := o.recover(ctx); err != nil {
		return err
	}
	if err := o.sweep(ctx); err != nil {
		return err
	}
	left, err := f.left(ctx)
	if err != nil {
		return err
	}
	if err := o.storage.Erase(ctx, left.unrecorded); err != nil {
		return err
	}
	f.report.Removed += len(left.unrecorded)
	return f.hasten(ctx, left.waiting)
}

// hasten sees that replaced files go when the grace is over at the latest.
func (f *forgetting) hasten(ctx context.Context, waiting []WaitingFile) error {
	o := f.output
	if len(waiting) == 0 {
		return nil
	}
	list, err := readSuperseded(ctx, o.storage)
	if err != nil {
		return err
	}
	now := o.now().UTC()
	latest := now.Add(f.options.Grace)
	for _, file := range waiting {
		at := slices.IndexFunc(list, func(there superseded) bool { return there.Path == file.Path })
		switch {
		case at < 0:
			list = append(list, superseded{Path: file.Path, RemoveAfter: latest})
			file.RemoveAfter = latest
		case list[at].RemoveAfter.After(latest):
			list[at].RemoveAfter = latest
			file.RemoveAfter = latest
		}
		if file.RemoveAfter.After(now) {
			f.report.Waiting = append(f.report.Waiting, file)
		} else {
			f.report.Removed++
		}
	}
	if err := writeSuperseded(ctx, o.storage, list); err != nil {
		return err
	}
	return o.removeDue(ctx)
}

// eraseUnrecorded removes the files of lots cut short that have a row to be forgotten. Only under the lock.
func (f *forgetting) eraseUnrecorded(ctx context.Context) error {
	left, err := f.left(ctx)
	if err != nil {
		return err
	}
	return f.output.storage.Erase(ctx, left.unrecorded)
}

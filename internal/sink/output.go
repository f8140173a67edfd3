package sink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Output is a place where lots are published. Its methods may be called from several goroutines, and from several
// processes on the same place.
type Output struct {
	storage storage
	now     func() time.Time
	codec   *codec
	batches sync.Pool // of *AnswerBatch
}

// Open makes the output at uri ready: a folder, made if it is not there, or gs://bucket/prefix in a bucket that is there,
// with Application Default Credentials, or without any if STORAGE_EMULATOR_HOST names an emulator. One that cannot be
// written is refused with an *OutputError. What killed runs left aside is removed and a replacement that they had
// committed is ended, unless another process is publishing; so are replaced files whose time has come.
func Open(ctx context.Context, uri string) (*Output, error) {
	return open(ctx, uri, osDisk{}, time.Now)
}

func open(ctx context.Context, uri string, d disk, now func() time.Time) (*Output, error) {
	storage, err := openToWrite(ctx, uri, d)
	if err != nil {
		return nil, err
	}
	codec, err := newCodec()
	if err != nil {
		return nil, err
	}
	output := &Output{storage: storage, now: now, codec: codec}
	if err := output.tidy(ctx); err != nil {
		return nil, err
	}
	return output, nil
}

func openToWrite(ctx context.Context, uri string, d disk) (storage, error) {
	if strings.HasPrefix(uri, bucketScheme) {
		// That it can be written is seen by tidy, which takes the lock.
		b, err := openBucket(ctx, uri)
		if err != nil {
			return nil, err
		}
		return b, nil
	}
	root, err := localRoot(uri)
	if err != nil {
		return nil, err
	}
	l, err := openLocal(root, d)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// openToRead makes nothing.
func openToRead(ctx context.Context, uri string) (storage, error) {
	if strings.HasPrefix(uri, bucketScheme) {
		b, err := openBucket(ctx, uri)
		if err != nil {
			return nil, err
		}
		return b, nil
	}
	root, err := localRoot(uri)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return nil, errors.New("there is no such folder")
	}
	return &local{root: root}, nil
}

// localRoot is the absolute path of a local output.
func localRoot(uri string) (string, error) {
	if scheme, _, ok := strings.Cut(uri, "://"); ok {
		return "", fmt.Errorf("output %s: %s:// is no place that can be written; give a folder or gs://BUCKET/PREFIX with --out", uri, scheme)
	}
	if uri == "" {
		return "", errors.New("output: no folder is given; give one with --out")
	}
	root, err := filepath.Abs(uri)
	if err != nil {
		return "", fmt.Errorf("output %s: %w", uri, err)
	}
	return root, nil
}

// URI is where the output is: an absolute path, or gs://bucket/prefix.
func (o *Output) URI() string { return o.storage.URI("") }

// Mode is what the output's lots and replacements hold: "reel", "simule", or "" if nothing is published. One of which
// only a part has appeared counts, since a reader that globs sees its files.
func (o *Output) Mode(ctx context.Context) (string, error) {
	lots, err := o.lots(ctx)
	if err != nil {
		return "", err
	}
	if len(lots) > 0 {
		record, err := readRecord(ctx, o.storage, lots[0])
		if err != nil {
			return "", err
		}
		return record.Mode, nil
	}
	names, err := stems(ctx, o.storage, replacementsFolder)
	if err != nil {
		return "", err
	}
	if len(names) > 0 {
		record, err := readReplacement(ctx, o.storage, names[0])
		if err != nil {
			return "", err
		}
		return record.Mode, nil
	}
	begun, err := readIntent(ctx, o.storage)
	if err != nil {
		return "", err
	}
	if begun != nil {
		return begun.Mode, nil
	}
	note, err := readReplacementNote(ctx, o.storage)
	if err != nil || note == nil {
		return "", err
	}
	return note.Mode, nil
}

// lots names the published lots, sorted.
func (o *Output) lots(ctx context.Context) ([]string, error) {
	return stems(ctx, o.storage, lotsFolder)
}

// Lots names the published lots, sorted. It waits for nobody, and puts nothing right.
func (o *Output) Lots(ctx context.Context) ([]string, error) {
	lots, err := o.lots(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing the lots of %s: %w", o.URI(), err)
	}
	return lots, nil
}

// TablesOf names the tables that a published lot has files of, sorted, as its commit record says: what became of the files
// since, and whether the pointers name them yet, does not matter.
func (o *Output) TablesOf(ctx context.Context, lot string) ([]string, error) {
	record, err := readRecord(ctx, o.storage, lot)
	if err != nil {
		return nil, fmt.Errorf("reading the lot %s: %w", lot, err)
	}
	var tables []string
	for _, file := range record.Files {
		tables = append(tables, file.Table)
	}
	slices.Sort(tables)
	return slices.Compact(tables), nil
}

// Tables names the published tables, sorted.
func (o *Output) Tables() ([]string, error) {
	return stems(context.Background(), o.storage, tablesFolder)
}

func stems(ctx context.Context, in storage, folder string) ([]string, error) {
	names, err := in.List(ctx, folder)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, name := range names {
		if stem, ok := stem(name); ok {
			found = append(found, stem)
		}
	}
	return found, nil
}

// Table is a table as published, or nil if nothing of it is.
func (o *Output) Table(name string) (*PublishedTable, error) {
	if err := checkTable(name); err != nil {
		return nil, err
	}
	return readPointer(context.Background(), o.storage, name)
}

// HasLot says whether a lot is published, be it that its tables were replaced since. If its commit record stands but a pointer does not name its files, because
// the run was killed between the two, what was left to do is done first.
func (o *Output) HasLot(name string) (bool, error) {
	ctx := context.Background()
	if err := checkLot(name); err != nil {
		return false, err
	}
	record, err := readRecord(ctx, o.storage, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	finished, err := o.isFinished(ctx, record)
	if err != nil || finished {
		return finished, err
	}
	unlock, err := o.storage.Lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	if err := o.recover(ctx); err != nil {
		return false, fmt.Errorf("pointing to lot %s: %w", name, err)
	}
	if err := point(ctx, o.storage, record); err != nil {
		return false, fmt.Errorf("pointing to lot %s: %w", name, err)
	}
	return true, nil
}

// isFinished says whether nothing is left to do for a lot whose commit record stands.
func (o *Output) isFinished(ctx context.Context, record *commitRecord) (bool, error) {
	begun, err := readIntent(ctx, o.storage)
	if err != nil || begun.is(intentOfLot, record.Lot) {
		return false, err
	}
	return isPointed(ctx, o.storage, record)
}

package sink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// archiveTable is the table that keeps the answers as they came.
const archiveTable = "reponses"

// ArchiveFile is one published file of the archive.
type ArchiveFile struct {
	Path       string // from the output's root, with slashes
	Lot        string
	DateExport string // the day of its partition, as 2026-11-23; a compacted file's: the last of its days
	Compact    bool   // its answers are of several days; see AnswerBatch.Day
	Rows       int64
	Bytes      int64
}

// OfLot says whether the file is as its lot was published. Otherwise a compaction has made it, or a forgetting: Lot names
// that, and the answers are of any lots, as each tells.
func (f *ArchiveFile) OfLot() bool {
	parts, _ := parseDataName(f.Path)
	return parts.stem == f.Lot
}

// Archive names the published files of the archive, by day, a compacted one by its last, and then in the order in which they were published. A lot
// that a killed run left between its record and its pointers is among them.
func (o *Output) Archive(ctx context.Context) ([]ArchiveFile, error) {
	begun, err := readIntent(ctx, o.storage)
	if err != nil {
		return nil, fmt.Errorf("looking for the archive: %w", err)
	}
	if begun != nil && begun.Kind == intentOfLot {
		_, err := readRecord(ctx, o.storage, begun.Lot)
		if err == nil {
			err = o.recoverAlone(ctx)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("looking for the archive: %w", err)
		}
	}
	return archive(ctx, o.storage)
}

func archive(ctx context.Context, in storage) ([]ArchiveFile, error) {
	pointer, err := readPointer(ctx, in, archiveTable)
	if err != nil || pointer == nil {
		return nil, err
	}
	files := make([]ArchiveFile, 0, len(pointer.Files))
	for _, entry := range pointer.Files {
		parts, ok := parseDataName(entry.Path)
		if !ok || parts.table != archiveTable || parts.isCompact() != entry.IsCompact() {
			return nil, fmt.Errorf("reading %s: it names %q, which is no file of the table", in.URI(pointerName(archiveTable)), entry.Path)
		}
		files = append(files, ArchiveFile{
			Path: entry.Path, Lot: entry.Lot, DateExport: entry.day(), Compact: entry.IsCompact(), Rows: entry.Rows, Bytes: entry.Bytes,
		})
	}
	return files, nil
}

package sink

import (
	"context"
	"fmt"
	"slices"
)

// Commit makes the replacement happen: each table named, and each that has new files, is those files from then on and
// what later lots add. Every Writer must have been closed. The lock of publications is held meanwhile; ctx ends the wait
// for it.
//
// First lateArrivals, if it is set, is called once, with the archive's files published since Replace, which may be
// none. It writes their rows by Create, closes its Writers, and may refuse by its error. It may not call what waits for
// the lock: Begin, HasLot, Archive, Replace, Commit.
//
// A table that has rows now and would have none is refused. The replacement has ended whatever the error. If the error
// came after the record, whoever next opens the output finds out whether the record stands, and ends it or undoes it.
func (r *Replacement) Commit(ctx context.Context, tables []string, lateArrivals func(ctx context.Context, files []ArchiveFile) error) error {
	r.mutex.Lock()
	ended := r.ended
	r.mutex.Unlock()
	if ended {
		return fmt.Errorf("committing replacement %s: it has ended", r.info.Name)
	}
	defer r.Abort()
	unlock, err := r.output.storage.Lock(ctx)
	if err == nil {
		defer unlock()
		err = r.commit(ctx, tables, lateArrivals)
	}
	if err != nil {
		return fmt.Errorf("committing replacement %s: %w", r.info.Name, err)
	}
	return nil
}

func (r *Replacement) commit(ctx context.Context, tables []string, lateArrivals func(ctx context.Context, files []ArchiveFile) error) error {
	storage := r.output.storage
	if err := r.output.recover(ctx); err != nil {
		return err
	}
	if err := r.admit(ctx); err != nil {
		return err
	}
	late, err := r.late(ctx)
	if err != nil {
		return err
	}
	if lateArrivals != nil {
		if err := lateArrivals(ctx, late); err != nil {
			return err
		}
	}
	record, err := r.record(ctx, tables)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// Past this point the record may stand, so that the pointers are worth having even if ctx ends.
	ctx = context.WithoutCancel(ctx)
	begun := intent{Lot: r.info.Name, Mode: r.info.Mode, Kind: intentOfReplacement}
	if err := writeJSON(ctx, storage, intentName, r.info.Name, begun); err != nil {
		return err
	}
	r.recorded = true
	if err := writeJSON(ctx, storage, replacementName(r.info.Name), r.info.Name, record); err != nil {
		return err
	}
	if err := pointReplacement(ctx, storage, record); err != nil {
		return fmt.Errorf("pointing to it, which is published: %w", err)
	}
	r.settled = true
	return r.output.removeDue(ctx)
}

// late names the archive's files published since Replace.
func (r *Replacement) late(ctx context.Context) ([]ArchiveFile, error) {
	if r.info.FromElsewhere {
		return nil, nil
	}
	files, err := archive(ctx, r.output.storage)
	return slices.DeleteFunc(files, func(file ArchiveFile) bool { return r.known[file.Path] }), err
}

// record is what is to be published.
func (r *Replacement) record(ctx context.Context, tables []string) (*replacementRecord, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for writer := range r.writing {
		return nil, fmt.Errorf("a file of table %s is not closed", writer.spec.Name)
	}
	for table := range r.spoiled {
		return nil, fmt.Errorf("a file of table %s was given up, and the table not dropped", table)
	}
	now := r.output.now().UTC()
	slices.SortFunc(r.files, byDayAndPart)
	record := &replacementRecord{
		Version: formatVersion, Name: r.info.Name, Mode: r.info.Mode, StartedAt: r.info.StartedAt,
		CommittedAt: now, RemoveAfter: now.Add(r.info.Grace), Files: r.files, Replaces: map[string][]string{},
	}
	anew := map[string]bool{}
	for _, file := range r.files {
		anew[file.Table] = true
		record.Replaces[file.Table] = []string{}
	}
	named := map[string]bool{}
	for _, table := range tables {
		named[table] = true
	}
	all, err := readRecords(ctx, r.output.storage)
	if err != nil {
		return nil, err
	}
	for _, file := range all.live() {
		switch {
		case anew[file.Table]:
			record.Replaces[file.Table] = append(record.Replaces[file.Table], file.Path)
		case named[file.Table]:
			return nil, fmt.Errorf("table %s has rows, and would have none", file.Table)
		}
	}
	if err := record.check(r.info.Name); err != nil {
		return nil, err
	}
	return record, nil
}

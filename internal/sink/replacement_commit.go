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
	return r.end(ctx, func(ctx context.Context) (*replacementRecord, error) {
		late, err := r.late(ctx)
		if err != nil {
			return nil, err
		}
		if lateArrivals != nil {
			if err := lateArrivals(ctx, late); err != nil {
				return nil, err
			}
		}
		return r.record(ctx, func(live []publishedFile, record *replacementRecord) error {
			return replaceTables(live, record, tables)
		})
	})
}

// CommitFiles makes a replacement of some files happen: the new files take the place of those named, by table, and of no
// others; what was published meanwhile stays. Else it is as Commit. The error is ErrNotLive if a file that is named is
// none of its table any more.
func (r *Replacement) CommitFiles(ctx context.Context, replaces map[string][]string) error {
	return r.end(ctx, func(ctx context.Context) (*replacementRecord, error) {
		return r.record(ctx, func(live []publishedFile, record *replacementRecord) error {
			return replaceFiles(live, record, replaces)
		})
	})
}

// end ends the replacement by publishing the record that prepare gives, under the lock.
func (r *Replacement) end(ctx context.Context, prepare func(context.Context) (*replacementRecord, error)) error {
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
		err = r.commit(ctx, prepare)
	}
	if err != nil {
		return fmt.Errorf("committing replacement %s: %w", r.info.Name, err)
	}
	return nil
}

func (r *Replacement) commit(ctx context.Context, prepare func(context.Context) (*replacementRecord, error)) error {
	storage := r.output.storage
	if err := r.output.recover(ctx); err != nil {
		return err
	}
	if err := r.admit(ctx); err != nil {
		return err
	}
	record, err := prepare(ctx)
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

// record is what is to be published; replace tells, of the live files, those whose place the new ones take.
func (r *Replacement) record(ctx context.Context, replace func([]publishedFile, *replacementRecord) error) (*replacementRecord, error) {
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
	all, err := readRecords(ctx, r.output.storage)
	if err != nil {
		return nil, err
	}
	if err := replace(all.live(), record); err != nil {
		return nil, err
	}
	if err := record.check(r.info.Name); err != nil {
		return nil, err
	}
	return record, nil
}

// replaceTables puts new files in the place of all that their tables have.
func replaceTables(live []publishedFile, record *replacementRecord, tables []string) error {
	anew := map[string]bool{}
	for _, file := range record.Files {
		anew[file.Table] = true
		record.Replaces[file.Table] = []string{}
	}
	named := map[string]bool{}
	for _, table := range tables {
		named[table] = true
	}
	for _, file := range live {
		switch {
		case anew[file.Table]:
			record.Replaces[file.Table] = append(record.Replaces[file.Table], file.Path)
		case named[file.Table]:
			return fmt.Errorf("table %s has rows, and would have none", file.Table)
		}
	}
	return nil
}

// replaceFiles puts new files in the place of those named, which must have as many rows.
func replaceFiles(live []publishedFile, record *replacementRecord, replaces map[string][]string) error {
	rows := map[string]int64{} // by path
	for _, file := range live {
		rows[file.Table+" "+file.Path] = file.Rows
	}
	more := map[string]int64{} // by table: rows of new files beyond those of the old
	for _, file := range record.Files {
		more[file.Table] += file.Rows
	}
	for table, paths := range replaces {
		for _, path := range paths {
			there, isLive := rows[table+" "+path]
			if !isLive {
				return fmt.Errorf("%w: %s", ErrNotLive, path)
			}
			more[table] -= there
		}
		record.Replaces[table] = slices.Clone(paths)
	}
	for table, rows := range more {
		if rows != 0 {
			return fmt.Errorf("table %s: the new files have %+d rows against the files that they replace", table, rows)
		}
	}
	return nil
}

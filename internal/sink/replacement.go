package sink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"
)

// replacingPatience is how long Replace waits for who only looks whether a replacement is alive.
const replacingPatience = time.Second

// ReplacementInfo is what a replacement says of itself.
type ReplacementInfo struct {
	Name string // 1 to 80 of A-Z, a-z, 0-9 and -, of no other replacement
	Mode string // "reel" or "simule"
	// Grace is how long the replaced files stay for readers that have begun. They are removed by the first who opens
	// the output or publishes into it afterwards; 0: at once.
	Grace     time.Duration
	StartedAt time.Time
	// FromElsewhere says that the rows are of another output's archive. Lots of this output's own would be lost, so that
	// it may have none.
	FromElsewhere bool
}

func (i *ReplacementInfo) check() error {
	if err := checkLot(i.Name); err != nil {
		return err
	}
	if i.Mode != "reel" && i.Mode != "simule" {
		return fmt.Errorf("mode %q: it must be reel or simule", i.Mode)
	}
	if i.Grace < 0 {
		return fmt.Errorf("grace of %v: it must not be negative", i.Grace)
	}
	return nil
}

// Replacement is whole tables being built anew beside those that are published. Lots are published meanwhile; other
// replacements are not. It ends with Commit or Abort. Its methods, and those of its Writers, may be called from several
// goroutines, though each Writer from one; Commit, Abort and Drop only once nobody uses the Writers in question.
type Replacement struct {
	output *Output
	info   ReplacementInfo
	unlock func()
	known  map[string]bool // the archive's files when it began

	mutex    sync.Mutex // of what follows
	writing  map[*Writer]bool
	begun    map[tableDay]int // how many files; of compacted ones for no day
	spoiled  map[string]bool  // tables of which a Writer was given up
	days     map[*Writer]days // of compacted files
	files    []replacementFile
	ended    bool
	recorded bool // the record may stand
	settled  bool // and the pointers follow it
}

type tableDay struct{ table, day string }

// Replace begins a replacement of whole tables. It waits while a lot is being published; ctx ends the wait. The error is
// ErrReplacing if another replacement of this output is under way, ErrMode if the output holds answers of the other
// mode, ErrHasLots if the rows come from elsewhere and the output has lots, and ErrPublished if there was a replacement
// of this name. What a killed one left is removed.
func (o *Output) Replace(ctx context.Context, info ReplacementInfo) (*Replacement, error) {
	if err := info.check(); err != nil {
		return nil, fmt.Errorf("beginning a replacement: %w", err)
	}
	info.StartedAt = info.StartedAt.UTC()
	r := &Replacement{
		output: o, info: info, known: map[string]bool{},
		writing: map[*Writer]bool{}, begun: map[tableDay]int{}, spoiled: map[string]bool{},
		days: map[*Writer]days{},
	}
	var err error
	if r.unlock, err = o.lockReplacing(ctx); err == nil {
		if err = r.begin(ctx); err != nil {
			r.unlock()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("beginning replacement %s: %w", info.Name, err)
	}
	return r, nil
}

func (o *Output) lockReplacing(ctx context.Context) (func(), error) {
	for waited := time.Duration(0); ; waited += lockPause {
		unlock, err := o.storage.TryLock(replacingName)
		if err != nil || unlock != nil {
			return unlock, err
		}
		if waited >= replacingPatience {
			return nil, fmt.Errorf("%w: %s (lock %s)", ErrReplacing, o.URI(), o.storage.URI(replacingName))
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockPause):
		}
	}
}

// begin sees that the replacement may happen, and notes it.
func (r *Replacement) begin(ctx context.Context) error {
	o := r.output
	unlock, err := o.storage.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := o.recover(ctx); err != nil {
		return err
	}
	if err := r.clear(ctx); err != nil {
		return err
	}
	if err := r.admit(ctx); err != nil {
		return err
	}
	_, err = readReplacement(ctx, o.storage, r.info.Name)
	if err == nil {
		return ErrPublished
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	files, err := archive(ctx, o.storage)
	if err != nil {
		return err
	}
	for _, file := range files {
		r.known[file.Path] = true
	}
	return writeJSON(ctx, o.storage, replacementNoteName, r.info.Name, replacementNote{Name: r.info.Name, Mode: r.info.Mode})
}

// clear removes what a killed replacement left.
func (r *Replacement) clear(ctx context.Context) error {
	storage := r.output.storage
	note, err := readReplacementNote(ctx, storage)
	if err != nil || note == nil {
		return err
	}
	if err := storage.Sweep(ctx, func(string) bool { return false }); err != nil {
		return err
	}
	return r.output.forget(ctx, note.Name)
}

// admit sees that the output may hold the replacement.
func (r *Replacement) admit(ctx context.Context) error {
	if err := r.output.admitMode(ctx, r.info.Mode); err != nil {
		return err
	}
	if !r.info.FromElsewhere {
		return nil
	}
	lots, err := r.output.lots(ctx)
	if err != nil {
		return err
	}
	if len(lots) > 0 {
		return fmt.Errorf("%w: %s; choose a folder that has none", ErrHasLots, r.output.URI())
	}
	return nil
}

// Create begins a file of a table for a day. A table may have several of a day: they follow one another as they were
// begun. The archive is only written from elsewhere, since it is what tables are rebuilt from.
func (r *Replacement) Create(_ context.Context, spec TableSpec, dateExport string) (*Writer, error) {
	err := spec.check()
	if err == nil {
		err = checkDate(dateExport)
	}
	if err == nil && spec.Name == archiveTable && !r.info.FromElsewhere {
		err = errors.New("the archive cannot be replaced")
	}
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", spec.Name, err)
	}
	return r.create(spec, dateExport)
}

// create is Create of what was checked.
func (r *Replacement) create(spec TableSpec, dateExport string) (*Writer, error) {
	layout, err := newLayout(spec.Schema)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", spec.Name, err)
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.ended {
		return nil, fmt.Errorf("table %s: replacement %s has ended", spec.Name, r.info.Name)
	}
	of := tableDay{spec.Name, dateExport}
	r.begun[of]++
	writer := &Writer{
		storage: r.output.storage, codec: r.output.codec, home: r, spec: spec, layout: layout,
		path: replacementDataName(spec.Name, dateExport, r.info.Name, r.begun[of]), mark: replacementMark(r.info.Name),
	}
	r.writing[writer] = true
	return writer, nil
}

// landing is home.landing.
func (r *Replacement) landing(context.Context) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.ended {
		return fmt.Errorf("replacement %s has ended", r.info.Name)
	}
	return nil
}

// closed is home.closed.
func (r *Replacement) closed(w *Writer, file *recordFile) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.writing, w)
	if file != nil {
		file.From, file.To = r.days[w].from, r.days[w].to
		r.files = append(r.files, replacementFile{recordFile: *file, DateExport: file.day()})
	}
	if w.state == writerAborted {
		r.spoiled[w.spec.Name] = true
	}
}

// Drop forgets the files of a table so far, which may then be written again. None of its Writers may be open.
func (r *Replacement) Drop(ctx context.Context, table string) error {
	if err := checkTable(table); err != nil {
		return fmt.Errorf("dropping: %w", err)
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.ended {
		return fmt.Errorf("dropping table %s: replacement %s has ended", table, r.info.Name)
	}
	for writer := range r.writing {
		if writer.spec.Name == table {
			return fmt.Errorf("dropping table %s: one of its files is being written", table)
		}
	}
	if err := r.output.eraseOf(ctx, r.info.Name, table); err != nil {
		return fmt.Errorf("dropping table %s: %w", table, err)
	}
	kept := r.files[:0]
	for _, file := range r.files {
		if file.Table != table {
			kept = append(kept, file)
		}
	}
	r.files = kept
	for of := range r.begun {
		if of.table == table {
			delete(r.begun, of)
		}
	}
	delete(r.spoiled, table)
	return nil
}

// Rows is how many rows of a table are in the files that are closed.
func (r *Replacement) Rows(table string) (written int64) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, file := range r.files {
		if file.Table == table {
			written += file.Rows
		}
	}
	return written
}

// Abort ends the replacement without its happening, and removes its files. After Commit it does nothing.
func (r *Replacement) Abort() {
	r.mutex.Lock()
	if r.ended {
		r.mutex.Unlock()
		return
	}
	r.ended = true
	var open []*Writer
	for writer := range r.writing {
		open = append(open, writer)
	}
	r.mutex.Unlock()
	for _, writer := range open {
		writer.Abort()
	}
	// If it is not known whether the record stands, who comes next will find out.
	if !r.recorded || r.settled {
		_ = r.output.forget(context.Background(), r.info.Name) // or who comes next
	}
	r.unlock()
}

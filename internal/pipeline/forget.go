package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"omega-export/internal/ledger"
	"omega-export/internal/sink"
)

// ForgetConfig is what is to be forgotten.
type ForgetConfig struct {
	Name    string   // of this act, as sink.ReplacementInfo wants it, of 72 letters at most
	Mode    string   // "reel" or "simule": that of the outputs
	Numbers []string // demande numbers, each once
	// Before, if it is not zero, adds the numbers whose newest answer, be it a reject, is older than that.
	Before time.Time
	Grace  time.Duration // how long replaced files stay
	DryRun bool
	// Progress is told now and then how many files of an output were looked at, of so many; nil: nobody is.
	Progress func(output string, done, total int)
}

// ForgetRooms is where it is forgotten.
type ForgetRooms struct {
	Ledger *ledger.Ledger // open to write, or to read for a dry run; nil: there is none
	// Outputs are the output, last, and, if its answers as they came are elsewhere, that place, which comes first: a replay that
	// goes on has read it, and keeps Forget from the output until it has ended.
	Outputs []*sink.Output
}

// Receipt is what was forgotten. It holds the numbers.
type Receipt struct {
	Version   int             `json:"version"`
	Name      string          `json:"name"`
	Mode      string          `json:"mode"`
	BegunAt   time.Time       `json:"begun_at"`
	EndedAt   time.Time       `json:"ended_at"`
	DryRun    bool            `json:"dry_run"`
	Undo      bool            `json:"undo"`
	Before    time.Time       `json:"newest_answer_before,omitzero"` // of --older-than
	Grace     int64           `json:"grace_seconds"`
	Numbers   []string        `json:"numbers"`
	Nowhere   []string        `json:"found_nowhere"` // of them, those of which nothing was found (to undo: that were not forgotten)
	Outputs   []OutputReceipt `json:"outputs"`
	Ledger    LedgerReceipt   `json:"ledger"`
	GoneAfter time.Time       `json:"gone_after,omitzero"` // when the last waiting file may go; zero: none waits
	Outcome   string          `json:"outcome"`
	Error     string          `json:"error,omitempty"`
	ExitCode  int             `json:"exit_code"`
}

// OutputReceipt is what one output lost.
type OutputReceipt struct {
	Output string `json:"output"`
	sink.ForgetReport
	Remembered int  `json:"remembered"` // tombstones that it did not have; to undo: that it had
	Complete   bool `json:"complete"`   // its rows are gone
	// Bucket is what the bucket keeps by its own settings; nil for a folder.
	Bucket *BucketReceipt `json:"bucket,omitempty"`
}

// BucketReceipt is sink.Keeps.
type BucketReceipt struct {
	Name              string `json:"bucket"`
	Unknown           string `json:"unknown,omitempty"` // why nothing more is known
	SoftDeleteSeconds int64  `json:"soft_delete_seconds"`
	Versioning        bool   `json:"versioning"`
	RetentionSeconds  int64  `json:"retention_seconds"`
	Held              bool   `json:"default_event_based_hold"`
}

// LedgerReceipt is what the ledger lost.
type LedgerReceipt struct {
	Found      bool  `json:"found"` // there is one
	Numbers    int64 `json:"numbers"`
	Answers    int64 `json:"answers"` // not published yet
	Plans      int64 `json:"plans"`   // places in the lists of runs
	Remembered int64 `json:"remembered"`
}

// Forget takes all rows of some numbers out of the outputs and the ledger, and remembers that they are not to be fetched
// again. First the outputs remember, so that no lot brings them back from then on; then they leave the ledger; then the
// outputs. After an error or a kill anywhere in between, calling it again does what is left. The receipt is filled in as
// far as it came, whatever the error: ledger.ErrLocked if a run has the ledger, sink.ErrReplacing if a replay or a
// compaction is under way; then nothing is lost, and it is to be called again.
func Forget(ctx context.Context, config ForgetConfig, rooms ForgetRooms) (Receipt, error) {
	f := &forgetting{config: config, rooms: rooms, receipt: Receipt{
		Version: 1, Name: config.Name, Mode: config.Mode, BegunAt: time.Now().UTC(), DryRun: config.DryRun, Before: config.Before,
		Grace: int64(config.Grace.Seconds()), Numbers: []string{}, Nowhere: []string{}, Outputs: []OutputReceipt{},
		Ledger: LedgerReceipt{Found: rooms.Ledger != nil},
	}}
	err := f.run(ctx)
	return f.end(ctx, err)
}

// forgetting is one call of Forget or Unforget.
type forgetting struct {
	config  ForgetConfig
	rooms   ForgetRooms
	receipt Receipt
	numbers map[string]bool // those to be forgotten, and whether anything of them was found
}

func (f *forgetting) run(ctx context.Context) error {
	if f.rooms.Ledger != nil && !f.config.DryRun {
		if err := f.rooms.Ledger.Alone(); err != nil {
			return err
		}
	}
	if err := f.choose(ctx); err != nil {
		return err
	}
	for _, output := range f.rooms.Outputs {
		f.receipt.Outputs = append(f.receipt.Outputs, f.outputReceipt(ctx, output))
	}
	if len(f.numbers) == 0 {
		return nil
	}
	tombstones, err := f.remember(ctx)
	if err != nil {
		return err
	}
	if err := f.ledger(ctx, tombstones); err != nil {
		return err
	}
	for i, output := range f.rooms.Outputs {
		if err := f.output(ctx, output, f.name(i), &f.receipt.Outputs[i]); err != nil {
			return err
		}
	}
	return nil
}

// choose finds the numbers.
func (f *forgetting) choose(ctx context.Context) error {
	f.numbers = map[string]bool{}
	for _, numero := range f.config.Numbers {
		f.numbers[numero] = false
	}
	if !f.config.Before.IsZero() {
		old, err := quietSince(ctx, f.config.Before, f.rooms)
		if err != nil {
			return err
		}
		for _, numero := range old {
			f.numbers[numero] = false
		}
	}
	f.receipt.Numbers = slices.Sorted(keys(f.numbers))
	return nil
}

func (f *forgetting) outputReceipt(ctx context.Context, output *sink.Output) OutputReceipt {
	receipt := OutputReceipt{Output: output.URI(), ForgetReport: sink.ForgetReport{Tables: []sink.ForgottenTable{}, Waiting: []sink.WaitingFile{}}}
	if keeps := output.Keeps(ctx); keeps.Bucket != "" {
		receipt.Bucket = &BucketReceipt{
			Name: keeps.Bucket, Unknown: keeps.Unknown, Versioning: keeps.Versioning, Held: keeps.Held,
			SoftDeleteSeconds: int64(keeps.SoftDelete.Seconds()), RetentionSeconds: int64(keeps.Retention.Seconds()),
		}
	}
	return receipt
}

func (f *forgetting) holds(numero string) bool {
	_, ok := f.numbers[numero]
	return ok
}

// remember writes the tombstones into the outputs, and gives all of them.
func (f *forgetting) remember(ctx context.Context) ([]ledger.Tombstone, error) {
	known := &ledger.Tombstones{}
	published := make([]*ledger.Tombstones, len(f.rooms.Outputs))
	for i, output := range f.rooms.Outputs {
		var err error
		if published[i], err = publishedTombstones(ctx, output); err != nil {
			return nil, err
		}
		for _, one := range published[i].Sorted() {
			known.Add(one)
		}
	}
	if f.rooms.Ledger != nil {
		there, err := f.rooms.Ledger.Tombstones(ctx)
		if err != nil {
			return nil, err
		}
		for _, one := range there.Sorted() {
			known.Add(one)
		}
	}
	salt := known.Salt()
	if salt == "" {
		salt = ledger.NewSalt()
	}
	tombstones := make([]ledger.Tombstone, len(f.receipt.Numbers))
	for i, numero := range f.receipt.Numbers {
		if there := known.Of(numero); len(there) > 0 {
			tombstones[i] = there[0]
		} else {
			tombstones[i] = ledger.TombstoneOf(salt, numero)
		}
	}
	for i, output := range f.rooms.Outputs {
		for _, one := range tombstones {
			if published[i].Add(one) {
				f.receipt.Outputs[i].Remembered++
			}
		}
		if f.config.DryRun {
			continue
		}
		if err := output.Remember(ctx, f.name(i), forSink(tombstones), f.holds); err != nil {
			return nil, err
		}
	}
	return tombstones, nil
}

func (f *forgetting) ledger(ctx context.Context, tombstones []ledger.Tombstone) error {
	books := f.rooms.Ledger
	if books == nil {
		return nil
	}
	known, err := books.Tombstones(ctx)
	if err != nil {
		return err
	}
	for _, one := range tombstones {
		if known.Add(one) {
			f.receipt.Ledger.Remembered++
		}
	}
	var found ledger.Forgotten
	if f.config.DryRun {
		found, err = books.WouldForget(ctx, f.receipt.Numbers)
	} else {
		found, err = books.Forget(ctx, f.receipt.Numbers, tombstones)
	}
	f.receipt.Ledger.Numbers, f.receipt.Ledger.Answers, f.receipt.Ledger.Plans = int64(len(found.Numbers)), found.Answers, found.Plans
	for _, numero := range found.Numbers {
		f.numbers[numero] = true
	}
	return err
}

// name is that of the new files in one of the outputs. It is another in each: the answers of all are read as one archive,
// whose files are told apart by their names.
func (f *forgetting) name(output int) string {
	if output < len(f.rooms.Outputs)-1 {
		return f.config.Name + "-archive"
	}
	return f.config.Name
}

func (f *forgetting) output(ctx context.Context, output *sink.Output, name string, receipt *OutputReceipt) error {
	options := sink.ForgetOptions{Name: name, Mode: f.config.Mode, Holds: f.holds, Grace: f.config.Grace, DryRun: f.config.DryRun}
	if f.config.Progress != nil {
		options.Progress = func(done, total int) { f.config.Progress(output.URI(), done, total) }
	}
	var err error
	receipt.ForgetReport, err = output.Forget(ctx, options)
	for numero := range receipt.Rows {
		f.numbers[numero] = true
	}
	receipt.Complete = err == nil && !f.config.DryRun
	for _, file := range receipt.Waiting {
		if file.RemoveAfter.After(f.receipt.GoneAfter) {
			f.receipt.GoneAfter = file.RemoveAfter
		}
	}
	return err
}

// end closes the receipt.
func (f *forgetting) end(ctx context.Context, err error) (Receipt, error) {
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: run again, which does what is left: %w", ErrStopped, context.Cause(ctx))
	}
	for _, numero := range f.receipt.Numbers {
		if !f.numbers[numero] {
			f.receipt.Nowhere = append(f.receipt.Nowhere, numero)
		}
	}
	f.receipt.EndedAt = time.Now().UTC()
	f.receipt.Outcome = outcome(err)
	if err != nil {
		f.receipt.Error = err.Error()
	}
	return f.receipt, err
}

// Unforget takes the tombstones of some numbers away, so that they are asked for again. What was removed does not come
// back by that.
func Unforget(ctx context.Context, config ForgetConfig, rooms ForgetRooms) (Receipt, error) {
	f := &forgetting{config: config, rooms: rooms, receipt: Receipt{
		Version: 1, Name: config.Name, Mode: config.Mode, BegunAt: time.Now().UTC(), DryRun: config.DryRun, Undo: true,
		Numbers: []string{}, Nowhere: []string{}, Outputs: []OutputReceipt{}, Ledger: LedgerReceipt{Found: rooms.Ledger != nil},
	}}
	err := f.undo(ctx)
	return f.end(ctx, err)
}

func (f *forgetting) undo(ctx context.Context) error {
	if err := f.choose(ctx); err != nil {
		return err
	}
	for i, output := range f.rooms.Outputs {
		published, err := publishedTombstones(ctx, output)
		if err != nil {
			return err
		}
		found := f.tombstonesIn(published)
		if !f.config.DryRun && len(found) > 0 {
			if err := output.Unforget(ctx, f.name(i), forSink(found)); err != nil {
				return err
			}
		}
		receipt := f.outputReceipt(ctx, output)
		receipt.Remembered, receipt.Complete = len(found), !f.config.DryRun
		f.receipt.Outputs = append(f.receipt.Outputs, receipt)
	}
	if f.rooms.Ledger == nil {
		return nil
	}
	there, err := f.rooms.Ledger.Tombstones(ctx)
	if err != nil {
		return err
	}
	found := f.tombstonesIn(there)
	f.receipt.Ledger.Remembered = int64(len(found))
	if f.config.DryRun || len(found) == 0 {
		return nil
	}
	_, err = f.rooms.Ledger.Unforget(ctx, found)
	return err
}

// tombstonesIn are those of the numbers.
func (f *forgetting) tombstonesIn(all *ledger.Tombstones) (found []ledger.Tombstone) {
	for _, numero := range f.receipt.Numbers {
		if of := all.Of(numero); len(of) > 0 {
			found = append(found, of...)
			f.numbers[numero] = true
		}
	}
	return found
}

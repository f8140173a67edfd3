package sink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// intent is the note, in _lots/.pending, of what is being published. For a lot it stands from before its first file
// appears until its pointers stand; for a replacement, whose files are not yet anyone's, from before its record does.
// If it is found later, the run was killed in between.
type intent struct {
	Lot  string     `json:"lot"` // or the replacement
	Mode string     `json:"mode"`
	Kind intentKind `json:"kind,omitempty"`
}

type intentKind string

const (
	intentOfLot         intentKind = ""
	intentOfReplacement intentKind = "replacement"
)

// is says whether the note is that of a publication.
func (i *intent) is(kind intentKind, name string) bool {
	return i != nil && i.Kind == kind && i.Lot == name
}

func (i *intent) what() string {
	if i.Kind == intentOfReplacement {
		return "replacement"
	}
	return "lot"
}

// record is the name of the record that says whether it has happened.
func (i *intent) record() string {
	if i.Kind == intentOfReplacement {
		return replacementName(i.Lot)
	}
	return recordName(i.Lot)
}

// readIntent is the note, or nil.
func readIntent(ctx context.Context, in storage) (*intent, error) {
	var begun intent
	err := readJSON(ctx, in, intentName, &begun)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = checkLot(begun.Lot)
	}
	if err == nil && begun.Kind != intentOfLot && begun.Kind != intentOfReplacement {
		err = fmt.Errorf("reading %s: this program knows no publication of kind %q", in.URI(intentName), begun.Kind)
	}
	if err != nil {
		return nil, err
	}
	return &begun, nil
}

// endIntent removes the note if it is of that publication.
func endIntent(ctx context.Context, in storage, kind intentKind, name string) error {
	begun, err := readIntent(ctx, in)
	if err != nil || !begun.is(kind, name) {
		return err
	}
	return in.Remove(ctx, intentName)
}

// recover ends what a killed run began: if its record stands the pointers follow. If not, a lot's files will be
// written again by whoever has the lot, and a replacement has not happened. Only under the lock.
func (o *Output) recover(ctx context.Context) error {
	begun, err := readIntent(ctx, o.storage)
	if err != nil || begun == nil {
		return err
	}
	if begun.Kind == intentOfReplacement {
		return o.recoverReplacement(ctx, begun.Lot)
	}
	record, err := readRecord(ctx, o.storage, begun.Lot)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return point(ctx, o.storage, record)
}

func (o *Output) recoverReplacement(ctx context.Context, name string) error {
	record, err := readReplacement(ctx, o.storage, name)
	if errors.Is(err, fs.ErrNotExist) {
		return endIntent(ctx, o.storage, intentOfReplacement, name)
	}
	if err != nil {
		return err
	}
	return pointReplacement(ctx, o.storage, record)
}

// recoverAlone is recover for who has not the lock.
func (o *Output) recoverAlone(ctx context.Context) error {
	unlock, err := o.storage.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return o.recover(ctx)
}

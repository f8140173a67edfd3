package sink

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// Tombstone stands for a number that was forgotten and that no lot may bring back: what Salt and Sum are made of is the
// caller's to know.
type Tombstone struct {
	Salt, Sum []byte
}

// forgottenRecord is _oublis/<name>.json: the tombstones of all that was forgotten until then. The newest takes the place
// of those before it; should a kill leave several, what any of them has is forgotten.
type forgottenRecord struct {
	Version   int             `json:"version"`
	Name      string          `json:"oubli"`
	WrittenAt time.Time       `json:"written_at"`
	Sets      []forgottenSums `json:"sets"`
}

// forgottenSums are the sums under one salt, in hexadecimal.
type forgottenSums struct {
	Salt string   `json:"salt"`
	Sums []string `json:"sums"` // sorted
}

func forgottenName(name string) string { return forgottenFolder + "/" + name + ".json" }

// Tombstones is all that the output has, each once.
func (o *Output) Tombstones(ctx context.Context) ([]Tombstone, error) {
	names, err := stems(ctx, o.storage, forgottenFolder)
	if err != nil {
		return nil, fmt.Errorf("reading what was forgotten: %w", err)
	}
	var all []Tombstone
	seen := map[string]bool{}
	for _, name := range names {
		var record forgottenRecord
		err := readJSON(ctx, o.storage, forgottenName(name), &record)
		if errors.Is(err, fs.ErrNotExist) {
			// Another took its place between the two readings.
			return o.Tombstones(ctx)
		}
		if err == nil && record.Version != formatVersion {
			err = fmt.Errorf("reading %s: its version is %d, this program knows %d", o.storage.URI(forgottenName(name)), record.Version, formatVersion)
		}
		if err != nil {
			return nil, fmt.Errorf("reading what was forgotten: %w", err)
		}
		for _, set := range record.Sets {
			salt, err := hex.DecodeString(set.Salt)
			for _, text := range set.Sums {
				sum, sumErr := hex.DecodeString(text)
				if err = errors.Join(err, sumErr); err != nil {
					return nil, fmt.Errorf("reading %s: %w", o.storage.URI(forgottenName(name)), err)
				}
				if key := set.Salt + " " + text; !seen[key] {
					seen[key] = true
					all = append(all, Tombstone{salt, sum})
				}
			}
		}
	}
	return all, nil
}

// Remember adds tombstones to the output's, under a name as lots have. From then on no lot that is published by Begin
// and that heeds Tombstones brings the numbers back. Files of lots that were cut short before their commit record, in
// which holds finds a number, go first: who has such a lot writes them again, without the number.
func (o *Output) Remember(ctx context.Context, name string, tombstones []Tombstone, holds func(numero string) bool) error {
	return o.changeTombstones(ctx, name, func(there []Tombstone) ([]Tombstone, error) {
		f := &forgetting{output: o, options: ForgetOptions{Name: name, Holds: holds}, report: newForgetReport()}
		if err := f.eraseUnrecorded(ctx); err != nil {
			return nil, err
		}
		return append(there, tombstones...), nil
	})
}

// Unforget takes tombstones away.
func (o *Output) Unforget(ctx context.Context, name string, tombstones []Tombstone) error {
	gone := map[string]bool{}
	for _, one := range tombstones {
		gone[string(one.Salt)+" "+string(one.Sum)] = true
	}
	return o.changeTombstones(ctx, name, func(there []Tombstone) ([]Tombstone, error) {
		return slices.DeleteFunc(there, func(one Tombstone) bool { return gone[string(one.Salt)+" "+string(one.Sum)] }), nil
	})
}

// changeTombstones writes them anew, under the lock of publications, if they change.
func (o *Output) changeTombstones(ctx context.Context, name string, change func(there []Tombstone) ([]Tombstone, error)) error {
	if err := checkLot(name); err != nil {
		return fmt.Errorf("remembering what was forgotten: %w", err)
	}
	unlock, err := o.storage.Lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := o.recover(ctx); err != nil {
		return err
	}
	there, err := o.Tombstones(ctx)
	if err != nil {
		return err
	}
	old, err := stems(ctx, o.storage, forgottenFolder)
	if err != nil {
		return err
	}
	before := setsOf(there)
	if there, err = change(there); err != nil {
		return fmt.Errorf("remembering what was forgotten: %w", err)
	}
	sets := setsOf(there)
	if len(old) <= 1 && slices.EqualFunc(before, sets, func(a, b forgottenSums) bool { return a.Salt == b.Salt && slices.Equal(a.Sums, b.Sums) }) {
		return nil
	}
	if len(sets) > 0 {
		record := forgottenRecord{Version: formatVersion, Name: name, WrittenAt: o.now().UTC(), Sets: sets}
		if err := writeJSON(ctx, o.storage, forgottenName(name), name, record); err != nil {
			return err
		}
	}
	// The old ones go last: killed before, both stand, and nothing is fetched that was forgotten.
	var erased []string
	for _, stem := range old {
		if stem != name || len(sets) == 0 {
			erased = append(erased, forgottenName(stem))
		}
	}
	return o.storage.Erase(ctx, erased)
}

// setsOf puts tombstones in the order of the record, each once.
func setsOf(tombstones []Tombstone) []forgottenSums {
	bySalt := map[string][]string{}
	for _, one := range tombstones {
		salt := hex.EncodeToString(one.Salt)
		bySalt[salt] = append(bySalt[salt], hex.EncodeToString(one.Sum))
	}
	var sets []forgottenSums
	for salt, sums := range bySalt {
		slices.Sort(sums)
		sets = append(sets, forgottenSums{Salt: salt, Sums: slices.Compact(sums)})
	}
	slices.SortFunc(sets, func(a, b forgottenSums) int {
		if a.Salt < b.Salt {
			return -1
		}
		return 1
	})
	return sets
}

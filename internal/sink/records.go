package sink

import (
	"context"
	"slices"
	"strings"
	"time"
)

// publishedFile is a file that a record names, with the lot or replacement that it belongs to.
type publishedFile struct {
	*recordFile
	of string
	at time.Time // when it was published, as the records tell it
}

func (f publishedFile) entry() FileEntry { return f.recordFile.entry(f.of) }

// records are those of all lots and of all replacements, by name.
type records struct {
	lots         []*commitRecord
	replacements []*replacementRecord
}

func readRecords(ctx context.Context, in storage) (*records, error) {
	names, err := stems(ctx, in, lotsFolder)
	if err != nil {
		return nil, err
	}
	all := &records{}
	for _, name := range names {
		record, err := readRecord(ctx, in, name)
		if err != nil {
			return nil, err
		}
		all.lots = append(all.lots, record)
	}
	all.replacements, err = readReplacements(ctx, in)
	return all, err
}

// live are the files that no replacement took the place of, in the order in which a pointer has them.
func (r *records) live() []publishedFile {
	replaced := replacedBy(r.replacements)
	return slices.DeleteFunc(r.files(), func(file publishedFile) bool { return replaced[file.Path] != nil })
}

// files are all files that records name, replaced or not.
func (r *records) files() []publishedFile {
	var files []publishedFile
	for _, record := range r.lots {
		for i := range record.Files {
			files = append(files, publishedFile{&record.Files[i], record.Lot, record.SealedAt})
		}
	}
	for _, record := range r.replacements {
		for i := range record.Files {
			files = append(files, publishedFile{&record.Files[i].recordFile, record.Name, record.CommittedAt})
		}
	}
	slices.SortStableFunc(files, func(a, b publishedFile) int {
		if byDay := strings.Compare(a.day(), b.day()); byDay != 0 {
			return byDay
		}
		return a.at.Compare(b.at)
	})
	return files
}

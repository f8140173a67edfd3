package sink

import "time"

// Left is what a publication left that was cut short: a lot's, whose host was killed, or a replacement's.
type Left struct {
	File string `json:"file"` // from the output's root, with slashes
	Of   string `json:"of"`   // the lot or replacement
	// RemovedAfter is when the file's time is over: the first command that writes there afterwards removes it, or an
	// earlier one does. Zero: it is the note that tells of the publication, which the next one replaces.
	RemovedAfter time.Time `json:"removed_after,omitzero"`
}

// cutShort tells of the publication that was under way when its process was killed. If its record stands, readers of the
// pointers miss what is published; if not, nothing has happened.
func (v *verifier) cutShort() {
	switch {
	case v.pending == nil:
	case v.recorded()[v.pending.record()]:
		v.problem(intentName, v.pending.Lot, "the publication of the %s was cut short; run again to end it", v.pending.what())
	default:
		v.report.Left = append(v.report.Left, Left{File: intentName, Of: v.pending.Lot})
	}
}

// recorded are the names of the records that stand.
func (v *verifier) recorded() map[string]bool {
	recorded := map[string]bool{}
	for name := range v.unreadable {
		recorded[name] = true
	}
	for _, record := range v.records.lots {
		recorded[recordName(record.Lot)] = true
	}
	for _, record := range v.records.replacements {
		recorded[replacementName(record.Name)] = true
	}
	return recorded
}

// named are the data files that a record or a pointer names. What only a pointer names is of a lot whose record is lost.
func (v *verifier) named() (byRecord, byPointer map[string]bool) {
	byRecord, byPointer = map[string]bool{}, map[string]bool{}
	for _, file := range v.records.files() {
		byRecord[file.Path] = true
	}
	for path := range replacedBy(v.records.replacements) {
		byRecord[path] = true // also of a lot whose record is lost
	}
	for _, pointer := range v.pointers {
		for _, file := range pointer.Files {
			byPointer[file.Path] = true
		}
	}
	return byRecord, byPointer
}

// unnamed finds the data files that no record names. Those that removeAbandoned or sweep will remove when their time
// comes are left; all others are foreign.
func (v *verifier) unnamed() {
	byRecord, byPointer := v.named()
	recorded := v.recorded()
	for _, file := range v.parquet {
		parts, isData := parseDataName(file.name)
		ofNote := isData && v.note != nil && parts.isOf(v.note.Name)
		switch {
		case byRecord[file.name], ofNote && v.alive:
		case !isData, byPointer[file.name], recorded[recordOf(parts.stem)]:
			v.problem(file.name, "", "foreign: no lot names it, yet a reader that globs sees it")
		case v.now.Sub(file.written) < abandonedAfter:
			v.report.Left = append(v.report.Left, Left{
				File: file.name, Of: lotOf(parts.stem), RemovedAfter: file.written.Add(abandonedAfter).UTC(),
			})
		default:
			v.problem(file.name, lotOf(parts.stem), "foreign: its publication was cut short more than %v ago; the next command that writes there ends or removes it", abandonedAfter)
		}
	}
}

package sink

// LotFile is a file that a lot has got.
type LotFile struct {
	Table string
	Rows  int64
	Bytes int64
}

// Files are the files of the tables closed so far; after Commit, all of the lot, by path.
func (l *Lot) Files() []LotFile {
	files := make([]LotFile, len(l.files))
	for i := range l.files {
		files[i] = LotFile{Table: l.files[i].Table, Rows: l.files[i].Rows, Bytes: l.files[i].Bytes}
	}
	return files
}

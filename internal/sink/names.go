package sink

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The output's own folders beside those of the tables.
const (
	lotsFolder         = "_lots"
	replacementsFolder = "_replacements"
	tablesFolder       = "_tables"
	sqlFolder          = "_sql"
	forgottenFolder    = "_oublis"
)

const (
	// lockName is the file whose lock a publisher holds.
	lockName = lotsFolder + "/.lock"
	// intentName is the note that a lot is being published; see intent.
	intentName = lotsFolder + "/.pending"
	// replacingName is the file whose lock a replacement holds from Replace to its end, beside lockName's when it commits.
	replacingName = lotsFolder + "/.replacing"
	// replacementNoteName tells of the replacement that is being written; see replacementNote.
	replacementNoteName = lotsFolder + "/.replacement"
	// supersededName lists the files that wait for their removal; see superseded.
	supersededName = lotsFolder + "/.superseded"
	// temporaryPrefix begins the name of a file that is still being written. Hive readers skip names with a dot.
	temporaryPrefix = ".tmp-"
	// partitionColumn is the column that readers take from the folder's name, and that compacted files have in them.
	partitionColumn = "date_export"
	// compactFolder is where a table's compacted files stand.
	compactFolder = "compact"
)

var (
	tablePattern   = regexp.MustCompile(`^[a-z0-9_]{1,80}$`)
	lotPattern     = regexp.MustCompile(`^[A-Za-z0-9-]{1,80}$`)
	dataPattern    = regexp.MustCompile(`^([a-z0-9_]{1,80})/date_export=([0-9]{4}-[0-9]{2}-[0-9]{2})/([A-Za-z0-9-]{1,80}(?:_[1-9][0-9]{0,8})?)\.parquet$`)
	compactPattern = regexp.MustCompile(`^([a-z0-9_]{1,80})/compact/([A-Za-z0-9-]{1,80}_[1-9][0-9]{0,8})\.parquet$`)
	columnPattern  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,299}$`)
)

// These names become paths, so that nothing else may pass.

func checkTable(name string) error {
	if !tablePattern.MatchString(name) {
		return fmt.Errorf("table name %q: it must be 1 to 80 of a-z, 0-9 and _", name)
	}
	if isOurs(name) {
		return fmt.Errorf("table name %q: the output keeps it for itself", name)
	}
	return nil
}

// isOurs says whether a folder of the output is none of a table.
func isOurs(folder string) bool {
	return folder == lotsFolder || folder == replacementsFolder || folder == tablesFolder || folder == sqlFolder || folder == forgottenFolder
}

func checkLot(name string) error {
	if !lotPattern.MatchString(name) {
		return fmt.Errorf("lot name %q: it must be 1 to 80 of A-Z, a-z, 0-9 and -", name)
	}
	return nil
}

func checkDate(date string) error {
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return fmt.Errorf("export date %q: it must be a day as 2026-11-23", date)
	}
	return nil
}

func dataName(table, date, lot string) string {
	return path.Join(table, partitionColumn+"="+date, lot+".parquet")
}

// replacementDataName is the name of one of a replacement's files of a table and day, which are counted from 1. The
// underscore stands in no lot's name, so that no lot's file has this name.
func replacementDataName(table, date, replacement string, part int) string {
	return dataName(table, date, replacementMark(replacement)+strconv.Itoa(part))
}

// compactDataName is the name of one of a compaction's files of a table, whose rows are of several days.
func compactDataName(table, compaction string, part int) string {
	return path.Join(table, compactFolder, replacementMark(compaction)+strconv.Itoa(part)+".parquet")
}

// replacementMark begins the names of a replacement's files within their folders.
func replacementMark(replacement string) string { return replacement + "_" }

// isReplacementsTemporary says whether what is left aside was a replacement's.
func isReplacementsTemporary(name string) bool { return strings.Contains(path.Base(name), "_") }

// dataParts are the parts of a data file's name. A compacted file has no date there.
type dataParts struct {
	table, date, stem string
}

func (p dataParts) isCompact() bool { return p.date == "" }

// parseDataName takes a name apart that dataName, replacementDataName or compactDataName may have made, and no other.
func parseDataName(name string) (dataParts, bool) {
	if match := compactPattern.FindStringSubmatch(name); match != nil {
		return dataParts{table: match[1], stem: match[2]}, checkTable(match[1]) == nil
	}
	match := dataPattern.FindStringSubmatch(name)
	if match == nil || checkTable(match[1]) != nil || checkDate(match[2]) != nil {
		return dataParts{}, false
	}
	return dataParts{table: match[1], date: match[2], stem: match[3]}, true
}

// isOf says whether the file is one of a replacement's.
func (p dataParts) isOf(replacement string) bool {
	return strings.HasPrefix(p.stem, replacementMark(replacement))
}

func replacementName(replacement string) string {
	return replacementsFolder + "/" + replacement + ".json"
}

func recordName(lot string) string { return lotsFolder + "/" + lot + ".json" }

func pointerName(table string) string { return tablesFolder + "/" + table + ".json" }

func manifestName(table string) string { return tablesFolder + "/" + table + ".files" }

// nightsName and compactName are the two halves of a table's manifest, where it has compacted files.

func nightsName(table string) string { return tablesFolder + "/" + table + ".nuits.files" }

func compactName(table string) string { return tablesFolder + "/" + table + ".compact.files" }

const (
	duckdbName   = sqlFolder + "/duckdb.sql"
	bigqueryName = sqlFolder + "/bigquery.sql"
)

// stem is what a listed name is a file of: the lot or replacement of a record, the table of a pointer.
func stem(name string) (string, bool) {
	return strings.CutSuffix(path.Base(name), ".json")
}

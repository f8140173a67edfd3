package sink

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"
)

// The output's own folders beside those of the tables.
const (
	lotsFolder   = "_lots"
	tablesFolder = "_tables"
	sqlFolder    = "_sql"
)

const (
	// lockName is the file whose lock a publisher holds.
	lockName = lotsFolder + "/.lock"
	// intentName is the note that a lot is being published; see intent.
	intentName = lotsFolder + "/.pending"
	// temporaryPrefix begins the name of a file that is still being written. Hive readers skip names with a dot.
	temporaryPrefix = ".tmp-"
	// partitionColumn is the column that readers take from the folder's name.
	partitionColumn = "date_export"
)

var (
	tablePattern  = regexp.MustCompile(`^[a-z0-9_]{1,80}$`)
	lotPattern    = regexp.MustCompile(`^[A-Za-z0-9-]{1,80}$`)
	columnPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,299}$`)
)

// These names become paths, so that nothing else may pass.

func checkTable(name string) error {
	if !tablePattern.MatchString(name) {
		return fmt.Errorf("table name %q: it must be 1 to 80 of a-z, 0-9 and _", name)
	}
	if name == lotsFolder || name == tablesFolder || name == sqlFolder {
		return fmt.Errorf("table name %q: the output keeps it for itself", name)
	}
	return nil
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

func recordName(lot string) string { return lotsFolder + "/" + lot + ".json" }

func pointerName(table string) string { return tablesFolder + "/" + table + ".json" }

func manifestName(table string) string { return tablesFolder + "/" + table + ".files" }

const duckdbName = sqlFolder + "/duckdb.sql"

// stem is what a listed name is a file of: the lot of a commit record, the table of a pointer.
func stem(name string) (string, bool) {
	return strings.CutSuffix(path.Base(name), ".json")
}

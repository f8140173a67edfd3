package sink

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func aRecord(nights int) *replacementRecord {
	record := &replacementRecord{Version: formatVersion, Name: "replay-1", Mode: "reel", Replaces: map[string][]string{}}
	for _, table := range []string{"demande_chf", "demande_mes"} {
		for night := range nights {
			columns := fmt.Sprintf(`[{"name":"a<b","of":%q}]`, table)
			schema := []string{"numero_demande utf8"}
			if night == 0 { // the table had fewer columns then
				columns, schema = `[]`, []string{"numero_demande utf8", "_lot utf8"}
			}
			day := fmt.Sprintf("2026-01-%02d", night+1)
			record.Files = append(record.Files, replacementFile{DateExport: day, recordFile: recordFile{
				Path: replacementDataName(table, day, "replay-1", 1), Table: table, Kind: "demande", Rows: int64(night + 1),
				Columns: json.RawMessage(columns), Schema: schema,
			}})
		}
	}
	return record
}

func TestARecordHoldsTheColumnsOfManyNightsOnce(t *testing.T) {
	record := aRecord(28)
	text, err := encodeJSON(record)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(text), `"columns"`); got != 4 {
		t.Errorf("the columns stand %d times in the record, not once for each of 4 descriptions:\n%s", got, text)
	}
	var read replacementRecord
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&read, record) {
		t.Errorf("written %+v\nread %+v", record, read)
	}
	if record.Files[1].Columns == nil {
		t.Error("writing the record took the columns out of it")
	}
}

func TestARecordWithTheColumnsInEachFileIsRead(t *testing.T) {
	record := aRecord(3)
	type plain replacementRecord
	text, err := encodeJSON((*plain)(record))
	if err != nil {
		t.Fatal(err)
	}
	var read replacementRecord
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&read, record) {
		t.Errorf("written %+v\nread %+v", record, read)
	}
}

func TestARecordWhoseFileHasADescriptionThatIsNotThereIsRefused(t *testing.T) {
	for _, number := range []int{-1, 2} {
		text := fmt.Sprintf(`{"version":1,"files":[{"path":"p","described":%d}],"descriptions":[{"schema":["a utf8"]}]}`, number)
		if err := json.Unmarshal([]byte(text), &replacementRecord{}); err == nil || !strings.Contains(err.Error(), "description") {
			t.Errorf("description %d of 1: %v", number, err)
		}
	}
}

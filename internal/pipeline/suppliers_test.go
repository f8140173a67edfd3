package pipeline

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"omega-export/internal/omega"
)

func TestOneSuppliersTroubleStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0, func(string, int, time.Duration) omega.Answer { return status(omega.Forbidden, 403) })
		var list strings.Builder
		fmt.Fprintln(&list, "numero_demande,code_cdgf")
		for i := range 200 {
			fmt.Fprintf(&list, "%s,%s\n", number(i), []string{"A", "B", "C", "B"}[i%4]) // C is nobody's: A asks
		}
		if err := os.WriteFile(w.config.Lists[0], []byte(list.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		pacer, err := omega.NewPacer(omega.PacerOptions{Rate: 1})
		if err != nil {
			t.Fatal(err)
		}
		other := &api{
			begun: time.Now(), perNumber: map[string]int{},
			answer: func(numero string, _ int, _ time.Duration) omega.Answer { return documentOf(numero) },
		}
		w.others = []Supplier{{Code: "B", Client: other, Pacer: pacer}}
		begun := time.Now()
		w.must(ErrRefused)
		if took := time.Since(begun); took > 105*time.Second {
			t.Errorf("100 calls of supplier B took %s", took)
		}
		if len(other.calls) != 100 || w.rows("demande_t") != 100 {
			t.Errorf("supplier B made %d calls, %d documents are published", len(other.calls), w.rows("demande_t"))
		}
		if calls := w.lastReport.Suppliers["B"].Calls; calls != 100 || len(w.api.calls) > allForbidden+2 {
			t.Errorf("the report says %d calls of B; A spent %d", calls, len(w.api.calls))
		}

		w.api.answer = other.answer
		w.must(nil)
		if w.rows("demande_t") != 200 || w.lastReport.Suppliers["A"].Calls != 100 || w.lastReport.Suppliers["B"].Calls != 0 {
			t.Errorf("in the end %d documents, %+v", w.rows("demande_t"), w.lastReport.Suppliers)
		}
	})
}

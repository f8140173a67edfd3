package ledger

import (
	"testing"
	"time"
)

func TestACampaignOfAllGoesOnUntilARunEndsComplete(t *testing.T) {
	type past struct {
		refresh  Refresh
		ended    bool // false: killed
		complete bool
		living   bool // neither ended nor killed
	}
	for name, test := range map[string]struct {
		before []past
		since  int // which run's begin the next run's Since is
	}{
		"the first":                   {nil, 0},
		"after a killed one":          {[]past{{refresh: All, ended: false, complete: false}}, 0},
		"after one stopped with work": {[]past{{refresh: All, ended: true, complete: false}}, 0},
		"after two":                   {[]past{{refresh: All, ended: false, complete: false}, {refresh: All, ended: true, complete: false}}, 0},
		"after a complete one":        {[]past{{refresh: All, ended: true, complete: true}}, 1},
		"after a complete and a not":  {[]past{{refresh: All, ended: true, complete: true}, {refresh: All, ended: false, complete: false}}, 1},
		"after another refresh":       {[]past{{refresh: All, ended: false, complete: false}, {refresh: Due, ended: true, complete: true}}, 2},
		"after an unfinished due":     {[]past{{refresh: Due}}, 1},
		"after a due run beside it":   {[]past{{refresh: All, living: true}, {refresh: Due, ended: true, complete: true}}, 0},
		"beside one that goes on":     {[]past{{refresh: All, living: true}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			at := func(i int) time.Time { return begun.Add(time.Duration(i) * time.Hour) }
			for i, run := range test.before {
				l := open(t, dir)
				started := begin(t, l, run.refresh, at(i))
				if run.ended {
					if err := l.EndRun(t.Context(), started.ID, at(i).Add(time.Minute), run.complete, 0); err != nil {
						t.Fatal(err)
					}
				}
				if !run.living {
					if err := l.Close(); err != nil {
						t.Fatal(err)
					}
				}
			}
			run := begin(t, open(t, dir), All, at(len(test.before)))
			if !run.Since.Equal(at(test.since)) {
				t.Errorf("since %s, want %s", run.Since, at(test.since))
			}
		})
	}
}

func TestAKilledCampaignAsksNothingTwice(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	first := begin(t, l, Due, begun)
	planned(t, l, first, "A", "B", "C")
	record(t, l, document(1, "a", begun), document(2, "b", begun), document(3, "c", begun))

	campaign := begun.Add(time.Hour)
	all := begin(t, l, All, campaign)
	planned(t, l, all, "A", "B", "C")
	record(t, l, document(2, "b", campaign)) // due again only after twenty hours; and then the run dies
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	l = open(t, dir)
	again := begin(t, l, All, campaign.Add(48*time.Hour))
	planned(t, l, again, "A", "B", "C", "D")
	want := []string{"D", "A", "C"}
	if got := numeros(due(t, l, again, campaign.Add(48*time.Hour))); !equal(got, want) {
		t.Errorf("asked for %v, want %v", got, want)
	}
}

func TestEndingARunThatIsNotThereIsAnError(t *testing.T) {
	l := open(t, t.TempDir())
	if err := l.EndRun(t.Context(), 7, begun, true, 0); err == nil {
		t.Error("ended")
	}
}

func TestAnUnknownRefreshIsRefused(t *testing.T) {
	l := open(t, t.TempDir())
	if _, err := l.BeginRun(t.Context(), "some", begun); err == nil {
		t.Error("begun")
	}
}

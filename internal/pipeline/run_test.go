package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"omega-export/internal/ledger"
	"omega-export/internal/omega"
)

func TestSlotsDoNotWaitForAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 100, func(numero string, _ int, _ time.Duration) omega.Answer {
			time.Sleep(3 * time.Second)
			return documentOf(numero)
		})
		begun := time.Now()
		w.must(nil)
		if took := time.Since(begun); took > 106*time.Second {
			t.Errorf("100 calls of 3 s took %s", took)
		}
		w.spacing()
		if w.rows("demande_t") != 100 || w.rows("reponses") != 100 {
			t.Errorf("%d rows and %d answers are published", w.rows("demande_t"), w.rows("reponses"))
		}
		if w.lastReport.QuotaUsed() < 0.97 || w.lastReport.QuotaUsed() > 1 {
			t.Errorf("the report says that %.3f of the quota was used", w.lastReport.QuotaUsed())
		}
	})
}

func TestWhatEachAnswerMeans(t *testing.T) {
	text := func(body string) omega.Answer {
		return omega.Answer{Kind: omega.Document, HTTPStatus: 200, Body: []byte(body)}
	}
	cases := map[string]struct {
		answer omega.Answer
		motif  string
		calls  int
		kept   int64 // rows in reponses
	}{
		"400":                   {status(omega.Rejected, 400), "requete_invalide", 1, 1},
		"404":                   {status(omega.Rejected, 404), "introuvable", 1, 1},
		"405":                   {status(omega.Rejected, 405), "methode_refusee", 1, 1},
		"403":                   {status(omega.Forbidden, 403), "acces_refuse", 1, 1},
		"not JSON":              {text("<html>"), "reponse_illisible", 5, 5},
		"cut short":             {text(`{"numero_demande":"N0001"`), "reponse_illisible", 5, 5},
		"of another number":     {text(`{"numero_demande":"N0002","type_demande":{"code":"T"}}`), "numero_different", 2, 2},
		"no number":             {text(`{}`), "reponse_illisible", 5, 5},
		"no type":               {text(`{"numero_demande":"N0001"}`), "type_invalide", 2, 2},
		"a type that is a path": {text(`{"numero_demande":"N0001","type_demande":{"code":"../../etc"}}`), "type_invalide", 2, 2},
		"too large":             {omega.Answer{Kind: omega.TooLarge, HTTPStatus: 200}, "reponse_trop_grande", 2, 2},
		"always 500":            {status(omega.Transient, 500), "erreur_serveur", 5, 1},
		"always a dead network": {omega.Answer{Kind: omega.Transient, Err: errors.New("reset")}, "erreur_serveur", 5, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 3, func(numero string, _ int, _ time.Duration) omega.Answer {
					if numero == number(1) {
						return c.answer
					}
					return documentOf(numero)
				})
				w.must(nil)
				if w.api.asked(number(1)) != c.calls {
					t.Errorf("it was asked for %d times, want %d", w.api.asked(number(1)), c.calls)
				}
				if w.lastReport.Rejects[c.motif] != 1 || w.rows("rejets") != 1 {
					t.Errorf("rejects: %v, published: %d; want one %s", w.lastReport.Rejects, w.rows("rejets"), c.motif)
				}
				if kept := w.rows("reponses") - 2; kept != c.kept {
					t.Errorf("%d answers of it are in the archive, want %d", kept, c.kept)
				}
				if w.rows("demande_t") != 2 {
					t.Errorf("%d documents are published", w.rows("demande_t"))
				}
				w.must(nil)
				if w.api.asked(number(1)) != c.calls {
					t.Error("a reject is asked for again at once by the next run")
				}
			})
		})
	}
}

func TestAFailedNumberGoesBehindTheOthersAndComesInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 30, func(numero string, nth int, _ time.Duration) omega.Answer {
			if numero == number(0) && nth < 4 {
				return status(omega.Transient, 503)
			}
			return documentOf(numero)
		})
		w.must(nil)
		w.spacing()
		if w.rows("demande_t") != 30 || w.api.asked(number(0)) != 4 {
			t.Errorf("%d documents, %d calls for the one that failed", w.rows("demande_t"), w.api.asked(number(0)))
		}
		if second := w.api.calls[1].numero; second == number(0) {
			t.Error("it was asked for again before the others")
		}
	})
}

func TestAnOutageIsProbedSlowlyAndTheRunResumesByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := func(since time.Duration) bool { return since > 20*time.Second && since < time.Hour }
		w := newWorld(t, 60, func(numero string, _ int, since time.Duration) omega.Answer {
			if down(since) {
				return status(omega.Transient, 503)
			}
			return documentOf(numero)
		})
		w.must(nil)
		if w.rows("demande_t") != 60 {
			t.Errorf("%d documents", w.rows("demande_t"))
		}
		probes := 0
		for _, c := range w.api.calls {
			if down(c.at) {
				probes++
			}
		}
		if probes < 40 || probes > 85 {
			t.Errorf("%d calls during an outage of an hour", probes)
		}
	})
}

func TestAnAPIThatStaysDownEndsTheRun(t *testing.T) {
	for name, numbers := range map[string]int{"many numbers": 2000, "fewer numbers than calls": 12} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, numbers, func(string, int, time.Duration) omega.Answer { return status(omega.Transient, 503) })
				begun := time.Now()
				w.must(ErrOutage)
				if took := time.Since(begun); took > w.config.MaxOutage+2*time.Minute {
					t.Errorf("it gave up after %s", took)
				}
				for numero, calls := range w.api.perNumber {
					if calls > maxFailures {
						t.Errorf("%s cost %d calls", numero, calls)
					}
				}
				// Nothing is held against the numbers.
				w.api.answer = func(numero string, _ int, _ time.Duration) omega.Answer { return documentOf(numero) }
				w.must(nil)
				if got := w.rows("demande_t"); got != int64(numbers) {
					t.Errorf("%d documents", got)
				}
			})
		})
	}
}

func TestNumbersThatAlwaysFailAreNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 40, func(numero string, _ int, _ time.Duration) omega.Answer {
			if numero >= number(34) {
				return status(omega.Transient, 500)
			}
			return documentOf(numero)
		})
		w.must(nil)
		if w.lastReport.Rejects["erreur_serveur"] != 6 || len(w.api.calls) != 34+6*maxFailures {
			t.Errorf("rejects %v, %d calls", w.lastReport.Rejects, len(w.api.calls))
		}
	})
}

func TestA429IsWaitedForAndTheSameNumberComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10, func(numero string, nth int, _ time.Duration) omega.Answer {
			if numero == number(3) && nth == 1 {
				answer := status(omega.TooMany, 429)
				answer.RetryAfter = 30 * time.Second
				return answer
			}
			return documentOf(numero)
		})
		w.must(nil)
		if w.rows("demande_t") != 10 || w.lastReport.Counts.Refused != 1 {
			t.Errorf("%d documents, %d refused", w.rows("demande_t"), w.lastReport.Counts.Refused)
		}
		next := w.api.calls[4]
		if wait := next.at - w.api.calls[3].at; next.numero != number(3) || wait < 30*time.Second {
			t.Errorf("after the refusal came %s, %s later", next.numero, wait)
		}
	})
}

func TestALongRetryAfterEndsTheRunWithWorkLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10, func(numero string, nth int, _ time.Duration) omega.Answer {
			if numero == number(5) && nth == 1 {
				answer := status(omega.TooMany, 429)
				answer.RetryAfter = 4 * time.Hour
				return answer
			}
			return documentOf(numero)
		})
		w.must(ErrStopped)
		if w.rows("demande_t") != 5 {
			t.Errorf("%d documents are published", w.rows("demande_t"))
		}
	})
}

func TestA401CostsOneNewToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10, func(numero string, nth int, _ time.Duration) omega.Answer {
			if numero == number(5) && nth == 1 {
				return status(omega.Unauthorized, 401)
			}
			return documentOf(numero)
		})
		w.must(nil)
		if w.rows("demande_t") != 10 || w.api.tokens != 2 || len(w.api.calls) != 11 {
			t.Errorf("%d documents, %d tokens, %d calls", w.rows("demande_t"), w.api.tokens, len(w.api.calls))
		}
	})
}

func TestCredentialsThatAreRefusedEndTheRun(t *testing.T) {
	refusals := map[string]struct {
		kind  omega.Kind
		code  int
		token error
		calls int
	}{
		"every token":          {omega.Unauthorized, 401, nil, 2},
		"the code_cdgf":        {omega.Forbidden, 403, nil, allForbidden},
		"by the token service": {omega.Document, 200, &omega.TokenError{Refused: true, HTTPStatus: 401, Code: "invalid_client"}, 0},
	}
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 50, func(string, int, time.Duration) omega.Answer { return status(c.kind, c.code) })
				w.api.token = func(int) error { return c.token }
				w.must(ErrRefused)
				if len(w.api.calls) > c.calls {
					t.Errorf("%d calls were spent", len(w.api.calls))
				}
				if w.rows("rejets") != 0 {
					t.Error("it is held against the numbers")
				}
			})
		})
	}
}

func TestATokenServiceThatIsDownIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5, func(numero string, _ int, _ time.Duration) omega.Answer { return documentOf(numero) })
		w.api.token = func(nth int) error {
			if nth < 20 {
				return &omega.TokenError{HTTPStatus: 503}
			}
			return nil
		}
		w.must(nil)
		if w.rows("demande_t") != 5 {
			t.Errorf("%d documents", w.rows("demande_t"))
		}
		w.api.token = func(int) error { return &omega.TokenError{HTTPStatus: 503} }
		w.api.invalidated = w.api.tokens
		time.Sleep(24 * time.Hour)
		w.must(ErrOutage)
	})
}

func TestLimitsAreExact(t *testing.T) {
	// The first slot comes after an interval: another folder's run may have called just before.
	limits := map[string]func(*Config){
		"calls":    func(c *Config) { c.MaxCalls = 7 },
		"duration": func(c *Config) { c.MaxDuration = 8 * time.Second },
		"until":    func(c *Config) { c.Until = time.Now().Add(8 * time.Second) },
	}
	for name, limit := range limits {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 20, func(numero string, _ int, _ time.Duration) omega.Answer {
					time.Sleep(10 * time.Second) // beyond the grace of a signal: a limit waits for what is paid for
					return documentOf(numero)
				})
				limit(&w.config)
				w.must(ErrStopped)
				if len(w.api.calls) != 7 || w.rows("demande_t") != 7 {
					t.Errorf("%d calls, %d documents published", len(w.api.calls), w.rows("demande_t"))
				}
				w.config.MaxCalls, w.config.MaxDuration, w.config.Until = 0, 0, time.Time{}
				w.must(nil)
				if len(w.api.calls) != 20 || w.rows("demande_t") != 20 {
					t.Errorf("in the end %d calls, %d documents", len(w.api.calls), w.rows("demande_t"))
				}
				w.spacing()
			})
		})
	}
}

func TestALimitThatFallsOnTheLastCallIsNoStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5, func(numero string, _ int, _ time.Duration) omega.Answer { return documentOf(numero) })
		w.config.MaxCalls = 5
		w.must(nil)
		if w.rows("demande_t") != 5 {
			t.Errorf("%d documents", w.rows("demande_t"))
		}
	})
}

func TestADryRunCallsNothingAndChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10, func(numero string, _ int, _ time.Duration) omega.Answer { return documentOf(numero) })
		w.config.Refresh, w.config.MaxCalls = ledger.All, 4
		w.must(ErrStopped)
		w.config.MaxCalls, w.config.DryRun = 0, true
		w.must(nil)
		if plan := w.lastReport.Plan; len(w.api.calls) != 4 || len(plan) != 1 || plan[0].NeverAnswered != 6 || plan[0].Seconds != 6 {
			t.Errorf("%d calls, plan %+v", len(w.api.calls), plan)
		}
		w.config.DryRun = false
		w.must(nil)
		if len(w.api.calls) != 10 {
			t.Errorf("%d calls: the dry run ended the campaign of --refresh all", len(w.api.calls))
		}
	})
}

func TestASignalLeavesTheCallsInFlightTimeToAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 20, func(numero string, nth int, _ time.Duration) omega.Answer {
			if nth == 1 {
				time.Sleep(2 * time.Second)
			}
			return documentOf(numero)
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5500*time.Millisecond, cancel)
		begun := time.Now()
		if err := w.run(ctx); !errors.Is(err, ErrStopped) {
			t.Fatal(err)
		}
		if took := time.Since(begun) - 5500*time.Millisecond; took > 8*time.Second {
			t.Errorf("it ended %s after the signal", took)
		}
		if w.rows("demande_t") != int64(len(w.api.calls)) {
			t.Errorf("%d calls, %d documents published", len(w.api.calls), w.rows("demande_t"))
		}
	})
}

func TestAnOutputThatFailsLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10, func(numero string, _ int, _ time.Duration) omega.Answer { return documentOf(numero) })
		inTheWay := filepath.Join(w.folder, "out", "demande_t")
		if err := os.MkdirAll(filepath.Dir(inTheWay), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		w.must(ErrPublish)
		if w.lastReport.Waiting != 1 || len(w.lastReport.Lots) != 0 || len(w.lastReport.Tables) != 0 {
			t.Errorf("the report says %d waiting, %q published, tables %v", w.lastReport.Waiting, w.lastReport.Lots, w.lastReport.Tables)
		}
		if err := os.Remove(inTheWay); err != nil {
			t.Fatal(err)
		}
		w.must(nil)
		if len(w.api.calls) != 10 || w.rows("demande_t") != 10 || w.lastReport.Tables["demande_t"].Rows != 10 {
			t.Errorf("%d calls, %d documents", len(w.api.calls), w.rows("demande_t"))
		}
	})
}

func TestWhatDidNotChangeMakesNoRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10, func(numero string, nth int, _ time.Duration) omega.Answer {
			answer := documentOf(numero)
			if numero == number(4) && nth == 2 {
				answer.Body = []byte(`{"numero_demande":"N0004","type_demande":{"code":"T"},"champ":"autre","nouveau":1}`)
			}
			return answer
		})
		w.must(nil)
		time.Sleep(19 * time.Hour)
		w.must(nil)
		if len(w.api.calls) != 10 {
			t.Errorf("%d calls: numbers were asked for again before they were due", len(w.api.calls))
		}
		time.Sleep(2 * time.Hour)
		w.must(nil)
		if len(w.api.calls) != 20 || w.rows("demande_t") != 11 || w.rows("reponses") != 20 || w.lastReport.Counts.Unchanged != 9 {
			t.Errorf("%d calls, %d rows, %d answers, %d unchanged", len(w.api.calls), w.rows("demande_t"), w.rows("reponses"), w.lastReport.Counts.Unchanged)
		}
		if added := w.lastReport.Tables["demande_t"].NewColumns; len(added) != 1 || added[0].Name != "nouveau" {
			t.Errorf("new columns: %v", added)
		}
	})
}

package simulator

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAGoodCallGetsTheDocument(t *testing.T) {
	simulator := newSimulator(t, Options{})
	answer := ask(simulator, goodToken(t, simulator), "WD000002")
	if want := strings.Split(twoDocuments, "\n")[1]; answer.Code != http.StatusOK || answer.Body.String() != want {
		t.Errorf("got %d %s, want %s", answer.Code, answer.Body, want)
	}
	if got := answer.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
}

// edit is a change to a good call.
type edit func(*http.Request)

func without(header string) edit {
	return func(r *http.Request) { r.Header.Del(header) }
}

func with(header, value string) edit {
	return func(r *http.Request) { r.Header.Set(header, value) }
}

func query(text string) edit {
	return func(r *http.Request) { r.URL.RawQuery = text }
}

func verb(name string) edit {
	return func(r *http.Request) { r.Method = name }
}

func TestACallThatIsWrongGetsTheGuidesAnswer(t *testing.T) {
	simulator := newSimulator(t, Options{CodesCDGF: []string{"B1", code}})
	token := goodToken(t, simulator)
	for _, test := range []struct {
		name   string
		edits  []edit
		status int
		text   string
	}{
		{"the scheme in small letters is right", []edit{with("Authorization", "bearer "+token)}, 200, ""},
		{"another accepted code is right", []edit{query("code_cdgf=B1")}, 200, ""},
		{"no token", []edit{without("Authorization")}, 401, textToken},
		{"no bearer", []edit{with("Authorization", "Basic "+token)}, 401, textToken},
		{"another token", []edit{with("Authorization", "Bearer x"+token)}, 401, textToken},
		{"empty token", []edit{with("Authorization", "Bearer ")}, 401, textToken},
		{"no login", []edit{without("x-user-login")}, 400, "Paramètre de requête manquant"},
		{"no code", []edit{query("")}, 400, "Paramètre de requête manquant"},
		{"empty code", []edit{query("code_cdgf=")}, 400, "Paramètre de requête manquant"},
		{"another supplier's code", []edit{query("code_cdgf=A1")}, 403, "L'utilisateur n'a pas accès à cette ressource"},
		{"another verb", []edit{verb(http.MethodPost)}, 405, "Le verbe http utilisé n'est pas pris en charge"},
		{"the token before the rest", []edit{without("Authorization"), without("x-user-login"), verb(http.MethodPut)}, 401, textToken},
		{"the verb before the parameters", []edit{query(""), verb(http.MethodDelete)}, 405, textVerb},
		{"the parameters before the rights", []edit{query("code_cdgf=A1"), without("x-user-login")}, 400, textMissingParameter},
	} {
		request := demandeRequest(token, "WD000001")
		for _, edit := range test.edits {
			edit(request)
		}
		answer := send(simulator, request)
		if answer.Code != test.status {
			t.Errorf("%s: got %d, want %d", test.name, answer.Code, test.status)
		} else if test.text != "" && message(t, answer) != test.text {
			t.Errorf("%s: got %s, want %q", test.name, answer.Body, test.text)
		}
	}
}

func TestTheQuotaComesBeforeAllElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		simulator := newSimulator(t, Options{Gateway: Gateway{Kind: Gap, RetryAfter: true}, Faults: map[Fault]float64{Fault500: 1}})
		token := goodToken(t, simulator)
		if answer := ask(simulator, "bad", "WD000001"); answer.Code != http.StatusUnauthorized {
			t.Fatalf("first call: got %d", answer.Code)
		}
		time.Sleep(999 * time.Millisecond)
		answer := ask(simulator, token, "WD000001")
		if answer.Code != http.StatusTooManyRequests || message(t, answer) != textQuota {
			t.Errorf("a call 999 ms after one with a bad token: got %d %s", answer.Code, answer.Body)
		}
		if got := answer.Header().Get("Retry-After"); got != "1" {
			t.Errorf("Retry-After %q, want 1", got)
		}
		time.Sleep(time.Millisecond)
		if answer := ask(simulator, token, "WD000001"); answer.Code != http.StatusInternalServerError {
			t.Errorf("a call 1 s after one that was let in: got %d", answer.Code)
		}
	})
}

func TestRetryAfterIsRoundedUpAndLeftOutWhenNotWanted(t *testing.T) {
	for _, test := range []struct {
		wait time.Duration
		want int
	}{{0, 1}, {1, 1}, {time.Second, 1}, {time.Second + 1, 2}, {90 * time.Second, 90}} {
		if got := wholeSeconds(test.wait); got != test.want {
			t.Errorf("%s: got %d, want %d", test.wait, got, test.want)
		}
	}
	simulator := newSimulator(t, Options{Gateway: Gateway{Kind: Gap, Rate: minRate}})
	ask(simulator, "", "WD000001")
	answer := ask(simulator, "", "WD000001")
	if _, there := answer.Header()["Retry-After"]; there || answer.Code != http.StatusTooManyRequests {
		t.Errorf("got %d with %v", answer.Code, answer.Header())
	}
}

func TestTheSameNumbersAreMissingEachTimeAndAsManyAsAsked(t *testing.T) {
	const numbers = 5000
	simulator := newSimulator(t, Options{Missing: 0.1, Seed: 1})
	other := newSimulator(t, Options{Missing: 0.1, Seed: 2})
	token, otherToken := goodToken(t, simulator), goodToken(t, other)
	missing := 0
	for i := range numbers {
		numero := fmt.Sprintf("WD%06d", i)
		answer := ask(simulator, token, numero)
		if again := ask(other, otherToken, numero); again.Code != answer.Code {
			t.Fatalf("%s: %d, then %d", numero, answer.Code, again.Code)
		}
		if answer.Code == http.StatusNotFound {
			missing++
			if message(t, answer) != "La ressource demandée est introuvable" {
				t.Fatalf("got %s", answer.Body)
			}
		}
	}
	within(t, "missing", missing, 0.1, numbers)
}

func TestANumberThatNoDemandeHasIsNotFound(t *testing.T) {
	simulator := newSimulator(t, Options{})
	token := goodToken(t, simulator)
	for _, numero := range []string{"a b", `a"b`, "é", "a.b", strings.Repeat("a", maxNumero+1), "a/b", ".."} {
		if answer := ask(simulator, token, numero); answer.Code != http.StatusNotFound {
			t.Errorf("%q: got %d", numero, answer.Code)
		}
	}
}

func TestAnswersTakeTheirLatencySideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		simulator := newSimulator(t, Options{Latency: 2 * time.Second, LatencyJitter: time.Second})
		token := goodToken(t, simulator)
		var (
			calls    sync.WaitGroup
			mutex    sync.Mutex
			shortest = time.Hour
			longest  time.Duration
		)
		for i := range 200 {
			calls.Go(func() {
				begun := time.Now()
				if answer := ask(simulator, token, fmt.Sprintf("WD%06d", i)); answer.Code != http.StatusOK {
					t.Errorf("got %d", answer.Code)
				}
				mutex.Lock()
				defer mutex.Unlock()
				shortest, longest = min(shortest, time.Since(begun)), max(longest, time.Since(begun))
			})
		}
		calls.Wait()
		if shortest < 2*time.Second || shortest > 2100*time.Millisecond || longest < 2900*time.Millisecond || longest >= 3*time.Second {
			t.Errorf("answers took from %s to %s, want all of 2 s to 3 s", shortest, longest)
		}
	})
}

func TestARefusalAndABadTokenAreAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		simulator := newSimulator(t, Options{Latency: time.Minute, Gateway: Gateway{Kind: Gap}})
		begun := time.Now()
		first, second := ask(simulator, "", "WD000001"), ask(simulator, "", "WD000001")
		if first.Code != http.StatusUnauthorized || second.Code != http.StatusTooManyRequests || time.Since(begun) > 0 {
			t.Errorf("got %d and %d after %s", first.Code, second.Code, time.Since(begun))
		}
	})
}

func TestACallerWhoLeavesIsNotAnsweredAndDoesNotCountAsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		simulator := newSimulator(t, Options{Latency: time.Hour})
		// A token that takes an hour would be good for an hour from then.
		token := goodToken(t, simulator)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		send(simulator, demandeRequest(token, "WD000001").WithContext(ctx))
		if elapsed := time.Since(begun); elapsed != time.Second {
			t.Errorf("the call lasted %s", elapsed)
		}
		stats := simulator.Stats()
		if stats.Answers["none"] != 1 || stats.Documents != 0 || stats.Accepted != 1 || simulator.Asked("WD000001") != 1 {
			t.Errorf("got %+v", stats)
		}
	})
}

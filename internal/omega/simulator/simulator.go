package simulator

import (
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

const (
	// BasePath begins the API's addresses, as in the guide's base URL (§1.3).
	BasePath = "/fournisseur"
	// TokenPath is the token service's address (§1.3).
	TokenPath = "/oauth2/us5y2ta2uEHjCWIR417/v1/token"

	defaultTokenLife = time.Hour // §1.3, §1.4
)

// Options says how the API behaves. The zero value serves the embedded corpus at once and without faults, to any credentials,
// under the guide's quota counted by the strictest rule.
type Options struct {
	// Corpus is the documents, NDJSON, one a line; nil: the embedded corpus. It must not be changed afterwards.
	Corpus []byte
	// Gateway says how the quota is counted.
	Gateway Gateway

	// An answer takes Latency and up to LatencyJitter more, each as likely. Calls are served side by side, and refused at once.
	Latency, LatencyJitter time.Duration
	// NetworkJitter is how unevenly calls travel: the standard deviation of the time, normally distributed, that each takes
	// from the caller to where it is counted; 1 s at most. Calls may overtake one another on the way. 0: they are counted as
	// they come.
	NetworkJitter time.Duration

	// TokenLife is how long a token is good; 0: 1 hour (§1.4).
	TokenLife time.Duration
	// ClientID and ClientSecret are the credentials accepted; "": any.
	ClientID, ClientSecret string
	// Scope is the scope accepted, whatever its case; "": any.
	Scope string
	// CodesCDGF are the code_cdgf accepted, others get a 403; empty: any.
	CodesCDGF []string

	// Faults is which share of the calls (0 to 1) meets which fault, of those that the quota let in. 1 in all at most.
	Faults map[Fault]float64
	// Outages are the times when the API is down.
	Outages []Outage
	// Missing is the share of the numbers (0 to 1) that are not found. Whether a number is missing follows from the number alone.
	Missing float64
	// Seed is what faults and latencies are drawn from.
	Seed uint64

	// Now is the clock by which calls are stamped, tokens expire and outages come; nil: time.Now. Latency always takes the time
	// of package time.
	Now func() time.Time
	// Log tells of each call at debug level; nil: silent. It never gets a token, a secret or a document.
	Log *slog.Logger
}

// Simulator is the API. It is an http.Handler, for any number of calls at once.
type Simulator struct {
	options Options // completed; never changed
	corpus  *corpus
	dice    dice
	faults  faultTable
	log     *slog.Logger
	now     func() time.Time
	started time.Time

	gate       *gate
	tally      *tally
	tokens     *tokens
	tokenCalls atomic.Uint64
	travelled  atomic.Uint64 // calls that came off the network
}

// New makes a simulator. A bad option is an error that names it.
func New(options Options) (*Simulator, error) {
	if err := options.complete(); err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	documents, err := loadCorpus(options.Corpus)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	started := options.Now()
	return &Simulator{
		options: options,
		corpus:  documents,
		dice:    dice{options.Seed},
		faults:  newFaultTable(options.Faults),
		log:     options.Log,
		now:     options.Now,
		started: started,
		gate: &gate{
			now: options.Now, counter: newCounter(options.Gateway), arrivals: newArrivals(options.Gateway.interval()),
		},
		tally:  newTally(started, maxNumbers),
		tokens: newTokens(options.TokenLife),
	}, nil
}

// complete checks the options and fills in what was left to the defaults.
func (o *Options) complete() error {
	var err error
	if o.Gateway, err = o.Gateway.completed(); err != nil {
		return err
	}
	switch {
	case o.Latency < 0:
		return fmt.Errorf("latency %s: it is negative", o.Latency)
	case o.LatencyJitter < 0:
		return fmt.Errorf("latency jitter %s: it is negative", o.LatencyJitter)
	case o.NetworkJitter < 0 || o.NetworkJitter > maxNetworkJitter:
		return fmt.Errorf("network jitter %s: it is not between 0 and %s", o.NetworkJitter, maxNetworkJitter)
	case o.TokenLife < 0:
		return fmt.Errorf("token life %s: it is negative", o.TokenLife)
	case !isShare(o.Missing):
		return fmt.Errorf("missing %v: it is not between 0 and 1", o.Missing)
	}
	if err := checkFaults(o.Faults); err != nil {
		return err
	}
	if err := checkOutages(o.Outages); err != nil {
		return err
	}
	if o.TokenLife == 0 {
		o.TokenLife = defaultTokenLife
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.CodesCDGF, o.Outages = slices.Clone(o.CodesCDGF), slices.Clone(o.Outages)
	return nil
}

// Numbers is the corpus's numbers, in its order.
func (s *Simulator) Numbers() []string {
	return s.corpus.numbers()
}

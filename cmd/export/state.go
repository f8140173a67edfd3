package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"omega-export/internal/lease"
	"omega-export/internal/ledger"
	"omega-export/internal/pipeline"
	"omega-export/internal/sink"
)

// sealInBucket is how often answers are sealed and published where the state's disk may go with the host.
const sealInBucket = 10 * time.Minute

// stateCmd is the commands under `state`.
type stateCmd struct {
	Rebuild stateRebuildCmd `cmd:"" help:"Make a lost ledger anew from the output's tables."`
}

// state is where a run's ledger is. In a folder it stays. In a bucket there is a lease, which keeps other hosts off; the
// ledger itself is in a temporary folder, made anew from the output when the run begins.
type state struct {
	folder string
	lease  *lease.Lease // nil: the state is a folder, or the run makes no call
	temp   bool         // the folder goes at the end
	log    *slog.Logger
}

// openState makes a run's state folder ready, and takes the lease of a state in a bucket.
func (c *runCmd) openState(ctx context.Context, log *slog.Logger) (*state, error) {
	s := &state{folder: c.State, log: log}
	if !isBucket(c.State) {
		return s, nil
	}
	var err error
	if !c.DryRun {
		s.lease, err = lease.Acquire(ctx, c.State, lease.Options{Duration: c.LeaseDuration, Waiting: func(held lease.Record) {
			log.Info("the lease of the state is held: waiting to see whether it is renewed", "owner", held.Owner, "until", held.ExpiresAt)
		}})
		if err != nil {
			return nil, stateError(c.State, err)
		}
		record := s.lease.Record()
		log.Info("the lease of the state is taken", "state", c.State, "owner", record.Owner, "fencing", record.Fencing)
	}
	if s.folder, err = os.MkdirTemp("", "omega-export-state-"); err != nil {
		_ = s.release()
		return nil, stateError(c.State, err)
	}
	s.temp = true
	return s, nil
}

// stateError is why a state in a bucket cannot be used.
func stateError(place string, err error) error {
	if errors.Is(err, lease.ErrHeld) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("--state %s: %w", place, err)
	}
	return fmt.Errorf("%w: --state %s: %w", errState, place, err)
}

// context ends when ctx does, or the lease is lost.
func (s *state) context(ctx context.Context) context.Context {
	if s.lease == nil {
		return ctx
	}
	return s.lease.Context()
}

// stateNote is what a run leaves in the lease for the next.
type stateNote struct {
	// Campaign is the begin of a campaign of refresh all that is not complete. The list of runs is not in the output.
	Campaign time.Time `json:"campaign,omitzero"`
}

// campaign is the begin of the campaign that the last run left open.
func (s *state) campaign() time.Time {
	var note stateNote
	if s.lease != nil && json.Unmarshal(s.lease.Previous(), &note) == nil {
		return note.Campaign
	}
	return time.Time{}
}

// note leaves the begin of the campaign that is open now, zero: none, for the run after a kill.
func (s *state) note(ctx context.Context, campaign time.Time) error {
	if s.lease == nil {
		return nil
	}
	text, err := json.Marshal(stateNote{campaign})
	if err != nil {
		return err
	}
	return s.lease.Leave(ctx, text)
}

// beginCampaign notes what the run will do.
func (c *runCmd) beginCampaign(ctx context.Context, s *state) error {
	campaign := time.Time{}
	if c.Refresh == string(ledger.All) {
		if campaign = s.campaign(); campaign.IsZero() {
			campaign = time.Now().UTC().Truncate(time.Microsecond)
		}
	}
	if err := s.note(ctx, campaign); err != nil {
		return stateError(c.State, err)
	}
	return nil
}

// rebuild fills the ledger of a state in a bucket from the output.
func (c *runCmd) rebuild(ctx context.Context, s *state, books *ledger.Ledger, output, archive *sink.Output) error {
	if !s.temp {
		return nil
	}
	campaign := time.Time{}
	if c.Refresh == string(ledger.All) {
		campaign = s.campaign()
	}
	report, err := pipeline.Rebuild(ctx, pipeline.RebuildConfig{
		DueAfter: c.Due.DueAfter, DueAtMost: c.Due.DueAtMost, Campaign: campaign, Temporary: s.folder, Archive: archive,
	}, books, output)
	if err != nil {
		return fmt.Errorf("--out %s: %w", c.Out, err)
	}
	s.log.Info("the ledger is rebuilt from the output", "numbers", report.Numbers, "answers", report.Answers, "rejects", report.Rejects,
		"seconds", (report.Reading + report.Writing).Seconds())
	return nil
}

// close ends the use of the state, once the ledger is closed. A ledger with answers that are not published is kept.
func (s *state) close(unpublished bool) {
	switch {
	case s.temp && unpublished:
		s.log.Error("answers are not published yet: their ledger is kept, publish them from this host with a run that has it as --state", "folder", s.folder)
	case s.temp:
		if err := os.RemoveAll(s.folder); err != nil {
			s.log.Warn("the temporary folder of the ledger stays", "error", err)
		}
	}
	if err := s.release(); err != nil {
		s.log.Warn("the lease of the state was not given back: the next run waits for its end", "error", err)
	}
}

func (s *state) release() error {
	if s.lease == nil {
		return nil
	}
	return s.lease.Release(context.Background())
}

// hasUnpublished says whether a ledger has answers that are in no published lot; if in doubt, it has.
func hasUnpublished(books *ledger.Ledger) bool {
	ctx := context.Background()
	lots, lotsErr := books.Unpublished(ctx)
	open, openErr := books.Unsealed(ctx)
	return lotsErr != nil || openErr != nil || len(lots) > 0 || open > 0
}

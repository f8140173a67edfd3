package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// statusRuns is how many of the last runs a Status tells of.
const statusRuns = 10

// Status is what the ledger holds, at one moment.
type Status struct {
	Mode          string           `json:"mode"`
	Known         int64            `json:"known"`          // numbers ever listed
	NeverAnswered int64            `json:"never_answered"` // of them
	Documents     int64            `json:"documents"`      // numbers whose last answer is a document
	Rejects       map[string]int64 `json:"rejects"`        // numbers whose last answer is a reject, by motif
	Types         map[string]int64 `json:"types"`          // numbers that have a document, by its type
	Due           int64            `json:"due"`            // numbers never answered or whose due time has come
	Forgotten     int64            `json:"forgotten"`      // numbers that were forgotten and are not asked for again
	OldestAnswer  time.Time        `json:"oldest_answer,omitzero"`
	Suppliers     map[string]Part  `json:"suppliers"` // by code_cdgf
	ByType        map[string]Part  `json:"by_type"`   // by the type of the last document; "": none yet
	Plan          PlanStatus       `json:"plan"`
	Lots          LotsStatus       `json:"lots"`
	Runs          []RunStatus      `json:"runs"` // the last ones, the newest first
	Pace          PaceStatus       `json:"pace"`
	FileBytes     int64            `json:"file_bytes"` // of the file and its log
}

// PlanStatus is the list of the last run that has made one.
type PlanStatus struct {
	Run    int64 `json:"run"`    // 0: no list yet
	Listed int64 `json:"listed"` // numbers
	Left   int64 `json:"left"`   // of them, those still due; of a run that has ended, those that it left
}

// LotsStatus is how far the answers have come.
type LotsStatus struct {
	UnsealedAnswers  int64     `json:"unsealed_answers"`
	Waiting          int64     `json:"waiting"` // sealed and not published
	WaitingAnswers   int64     `json:"waiting_answers"`
	OldestWaiting    time.Time `json:"oldest_waiting,omitzero"` // when the oldest answer not published was received
	Published        int64     `json:"published"`
	PublishedAnswers int64     `json:"published_answers"`
	LastPublished    time.Time `json:"last_published,omitzero"`
}

// RunStatus is one run.
type RunStatus struct {
	ID        int64     `json:"id"`
	Refresh   Refresh   `json:"refresh"`
	BegunAt   time.Time `json:"begun_at"`
	EndedAt   time.Time `json:"ended_at,omitzero"` // zero: still running, or killed
	Live      bool      `json:"live"`              // still running
	Complete  bool      `json:"complete"`
	ExitCode  int       `json:"exit_code"`
	Answers   int64     `json:"answers"`   // recorded
	Documents int64     `json:"documents"` // of them, documents, unchanged ones too
	Unchanged int64     `json:"unchanged"`
	Rejects   int64     `json:"rejects"`
}

// PaceStatus is what the quotas of the folder kept last.
type PaceStatus struct {
	LastWrite     time.Time `json:"last_write,omitzero"`
	MarginSeconds float64   `json:"margin_seconds"`
}

// Status tells what the ledger holds. It goes through all numbers, about a second a million, and hinders no run.
func (l *Ledger) Status(ctx context.Context, now time.Time) (Status, error) {
	status := Status{Rejects: map[string]int64{}, Types: map[string]int64{}, Suppliers: map[string]Part{}, ByType: map[string]Part{}, Runs: []RunStatus{}}
	err := l.read(ctx, func(tx *sql.Tx) error {
		for _, read := range []func(context.Context, *sql.Tx, time.Time) error{
			status.readMode, status.readDemandes, status.readLots, status.readUnpublished,
		} {
			if err := read(ctx, tx, now); err != nil {
				return err
			}
		}
		var err error
		if status.Plan, err = l.readPlan(ctx, tx, now); err != nil {
			return err
		}
		return l.readRuns(ctx, tx, &status)
	})
	if err == nil {
		status.FileBytes, err = fileBytes(l.path)
	}
	if err == nil {
		status.Pace, err = readPace(filepath.Dir(l.path))
	}
	if err != nil {
		return Status{}, fmt.Errorf("reading the status of ledger %s: %w", l.path, err)
	}
	return status, nil
}

func (s *Status) readMode(ctx context.Context, tx *sql.Tx, _ time.Time) error {
	return tx.QueryRowContext(ctx, "SELECT mode, (SELECT count(*) FROM oublis) FROM ledger").Scan(&s.Mode, &s.Forgotten)
}

// readPlan counts the newest plan that a run has, or else takes what the last run that had one left of it.
func (l *Ledger) readPlan(ctx context.Context, tx *sql.Tx, now time.Time) (PlanStatus, error) {
	plan, err := readPlan(ctx, tx, "true")
	if err != nil {
		return PlanStatus{}, err
	}
	var ended PlanStatus
	err = tx.QueryRowContext(ctx, "SELECT id, listed, remaining FROM runs WHERE listed IS NOT NULL ORDER BY id DESC LIMIT 1").
		Scan(&ended.Run, &ended.Listed, &ended.Left)
	if none(err) != nil || plan.run.ID <= ended.Run {
		return ended, none(err)
	}
	mine, others, err := l.left(ctx, tx, plan.run, now)
	return PlanStatus{Run: plan.run.ID, Listed: plan.listed, Left: mine + others}, err
}

// readDemandes counts in one pass. The numbers are added up here, not by GROUP BY, which would sort them all.
func (s *Status) readDemandes(ctx context.Context, tx *sql.Tx, now time.Time) error {
	rows, err := tx.QueryContext(ctx, "SELECT settled_at, next_due, motif, document_type, code_cdgf FROM demandes")
	if err != nil {
		return err
	}
	defer rows.Close()
	oldest := sql.NullInt64{}
	suppliers, types := parts{}, parts{}
	for rows.Next() {
		var settledAt, nextDue sql.NullInt64
		var motif, typ sql.NullString
		var code sql.RawBytes
		if err := rows.Scan(&settledAt, &nextDue, &motif, &typ, &code); err != nil {
			return err
		}
		due := !nextDue.Valid || nextDue.Int64 <= now.UnixMicro()
		suppliers.of(code).count(settledAt.Valid, motif.Valid, due)
		types.of([]byte(typ.String)).count(settledAt.Valid, motif.Valid, due)
		s.Known++
		if due {
			s.Due++
		}
		if typ.Valid {
			s.Types[typ.String]++
		}
		switch {
		case !settledAt.Valid:
			s.NeverAnswered++
			continue
		case motif.Valid:
			s.Rejects[motif.String]++
		default:
			s.Documents++
		}
		if !oldest.Valid || settledAt.Int64 < oldest.Int64 {
			oldest = settledAt
		}
	}
	s.OldestAnswer = fromMicros(oldest)
	suppliers.into(s.Suppliers)
	types.into(s.ByType)
	return rows.Err()
}

func (s *Status) readLots(ctx context.Context, tx *sql.Tx, _ time.Time) error {
	first, last, err := unsealed(ctx, tx)
	if err != nil {
		return err
	}
	s.Lots.UnsealedAnswers = max(last-first+1, 0)
	var oldest, published sql.NullInt64
	err = tx.QueryRowContext(ctx, `SELECT
		count(*) FILTER (WHERE published_at IS NULL), coalesce(sum(last_id - first_id + 1) FILTER (WHERE published_at IS NULL), 0),
		count(published_at), coalesce(sum(last_id - first_id + 1) FILTER (WHERE published_at IS NOT NULL), 0), max(published_at),
		(SELECT received_at FROM reponses WHERE id >= coalesce((SELECT first_id FROM lots WHERE published_at IS NULL ORDER BY id LIMIT 1), ?) ORDER BY id LIMIT 1)
		FROM lots`, first).
		Scan(&s.Lots.Waiting, &s.Lots.WaitingAnswers, &s.Lots.Published, &s.Lots.PublishedAnswers, &published, &oldest)
	s.Lots.OldestWaiting, s.Lots.LastPublished = fromMicros(oldest), fromMicros(published)
	return err
}

func (l *Ledger) readRuns(ctx context.Context, tx *sql.Tx, s *Status) error {
	rows, err := tx.QueryContext(ctx, `SELECT id, refresh, begun_at, ended_at, complete, coalesce(exit_code, 0), answers, documents, unchanged, rejects
		FROM runs ORDER BY id DESC LIMIT ?`, statusRuns)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var run RunStatus
		var begunAt, endedAt sql.NullInt64
		err := rows.Scan(&run.ID, &run.Refresh, &begunAt, &endedAt, &run.Complete, &run.ExitCode, &run.Answers, &run.Documents, &run.Unchanged, &run.Rejects)
		if err != nil {
			return err
		}
		run.BegunAt, run.EndedAt = fromMicros(begunAt), fromMicros(endedAt)
		if run.EndedAt.IsZero() {
			if run.Live, err = l.isLive(run.ID); err != nil {
				return err
			}
		}
		s.Runs = append(s.Runs, run)
	}
	return rows.Err()
}

// readPace is what the quota of the folder that wrote last keeps.
func readPace(dir string) (PaceStatus, error) {
	newest, err := newestKept(dir)
	pace := PaceStatus{MarginSeconds: newest.margin.Seconds()}
	if !newest.lastWrite.IsZero() {
		pace.LastWrite = newest.lastWrite.UTC()
	}
	return pace, err
}

// fileBytes is the size of the ledger's file and of its log.
func fileBytes(path string) (int64, error) {
	file, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	log, err := os.Stat(path + "-wal")
	if errors.Is(err, fs.ErrNotExist) {
		return file.Size(), nil
	}
	if err != nil {
		return 0, err
	}
	return file.Size() + log.Size(), nil
}

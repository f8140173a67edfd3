package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

const (
	// pageAnswers and pageBytes bound what is held in memory while a lot is visited, but for one answer.
	pageAnswers = 256
	pageBytes   = 4 << 20
	// keptBytes is the greatest memory of a body that is used again for another.
	keptBytes = 64 << 10
)

// Stored is an answer of a lot. It and its bytes are overwritten after the call that it was given to.
type Stored struct {
	Numero     string
	CodeCDGF   string // asked with at the time
	HTTPStatus int    // 0: the API gave none
	Body       []byte // nil if it was empty, or equal to the number's last document
	SHA256     []byte // of the body as it came
	Type       string // of a document
	Motif      string // of a reject
	Message    string
	Attempts   int
	ReceivedAt time.Time // UTC
}

// What is visited of a lot, each over an index. In the order of record.
const (
	allAnswers   = `r.http_status <> 0`
	allDocuments = `r.kind = 1 AND r.type = ?4`
	allRejects   = `r.kind = 3`
)

// Types is the types of the lot's changed documents, sorted. It fails with ErrNoLot.
func (l *Ledger) Types(ctx context.Context, lot Lot) ([]string, error) {
	var types []string
	err := l.read(ctx, func(tx *sql.Tx) error {
		held, err := findLot(ctx, tx, lot)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, "SELECT DISTINCT type FROM reponses WHERE kind = 1 AND id BETWEEN ? AND ? ORDER BY type", held.first, held.last)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var typ string
			if err := rows.Scan(&typ); err != nil {
				return err
			}
			types = append(types, typ)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("listing the types of lot %s: %w", lot.Name, err)
	}
	return types, nil
}

// EachDocument visits the lot's changed documents of a type, in the order in which they were recorded: twice the same.
// It stops at the visitor's first error and returns it wrapped. It holds nothing of the ledger while the visitor runs,
// however long that takes. It fails with ErrNoLot.
func (l *Ledger) EachDocument(ctx context.Context, lot Lot, typ string, visit func(*Stored) error) error {
	return l.each(ctx, lot, "documents", allDocuments, visit, typ)
}

// EachAnswer visits all of the lot's answers that have an HTTP status, whether they settled their number or not; like EachDocument.
func (l *Ledger) EachAnswer(ctx context.Context, lot Lot, visit func(*Stored) error) error {
	return l.each(ctx, lot, "answers", allAnswers, visit)
}

// EachReject visits the lot's rejects, those that settled their number; like EachDocument.
func (l *Ledger) EachReject(ctx context.Context, lot Lot, visit func(*Stored) error) error {
	return l.each(ctx, lot, "rejects", allRejects, visit)
}

// each reads pages, since a transaction held over a whole upload would keep the log from being folded in. A sealed lot
// does not change, so the pages together are one snapshot.
func (l *Ledger) each(ctx context.Context, lot Lot, what, condition string, visit func(*Stored) error, args ...any) error {
	page := newStoredPage(condition)
	for after := int64(0); ; after = page.last {
		err := l.read(ctx, func(tx *sql.Tx) error {
			held, err := findLot(ctx, tx, lot)
			if err != nil {
				return err
			}
			return page.read(ctx, tx, span{max(held.first, after+1), held.last}, args)
		})
		if err != nil {
			return fmt.Errorf("reading the %s of lot %s: %w", what, lot.Name, err)
		}
		for i := range page.answers {
			if err := visit(&page.answers[i]); err != nil {
				return fmt.Errorf("visiting the %s of lot %s: %w", what, lot.Name, err)
			}
		}
		if page.ended {
			return nil
		}
	}
}

// storedPage is some answers read at once. Its memory is used again for the next.
type storedPage struct {
	query   string
	answers []Stored
	last    int64 // id of the last one
	ended   bool  // no more after this page
}

func newStoredPage(condition string) *storedPage {
	return &storedPage{
		query: `SELECT r.id, d.numero, r.code_cdgf, r.http_status, r.sha256, r.type, r.motif, r.message, r.attempts, r.received_at, r.body
			FROM reponses r CROSS JOIN demandes d ON d.id = r.demande_id
			WHERE r.id BETWEEN ?1 AND ?2 AND ` + condition + ` ORDER BY r.id LIMIT ?3`,
		answers: make([]Stored, 0, pageAnswers),
	}
}

// read reads the first answers within, at most pageAnswers, and stops after pageBytes.
func (p *storedPage) read(ctx context.Context, tx *sql.Tx, within span, args []any) error {
	rows, err := tx.QueryContext(ctx, p.query, append([]any{within.first, within.last, pageAnswers}, args...)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	p.answers, p.ended = p.answers[:0], false
	bytes := 0
	for len(p.answers) < pageAnswers && bytes < pageBytes {
		if !rows.Next() {
			p.ended = true
			break
		}
		p.answers = p.answers[:len(p.answers)+1]
		stored := &p.answers[len(p.answers)-1]
		if err := p.scan(rows, stored); err != nil {
			return err
		}
		bytes += len(stored.Body)
	}
	return rows.Err()
}

func (p *storedPage) scan(rows *sql.Rows, stored *Stored) error {
	var receivedAt sql.NullInt64
	var sum, body sql.RawBytes
	err := rows.Scan(&p.last, &stored.Numero, &stored.CodeCDGF, &stored.HTTPStatus, &sum, &stored.Type, &stored.Motif,
		&stored.Message, &stored.Attempts, &receivedAt, &body)
	if err != nil {
		return err
	}
	stored.ReceivedAt = fromMicros(receivedAt)
	stored.SHA256 = append(stored.SHA256[:0], sum...)
	if body == nil || cap(stored.Body) > keptBytes {
		stored.Body = nil
	}
	if body != nil {
		stored.Body = append(stored.Body[:0], body...)
	}
	return nil
}

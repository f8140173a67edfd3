package ledger

import (
	"context"
	"database/sql"
	"time"
)

// Part is what a Status counts of one supplier's numbers, or of one type's.
type Part struct {
	Known         int64 `json:"known"`
	NeverAnswered int64 `json:"never_answered"`
	Documents     int64 `json:"documents"`   // numbers whose last answer is a document
	Rejects       int64 `json:"rejects"`     // numbers whose last answer is a reject
	Due           int64 `json:"due"`         // numbers never answered or whose due time has come
	Unpublished   int64 `json:"unpublished"` // answers in no published lot
}

func (p *Part) count(answered, rejected, due bool) {
	p.Known++
	switch {
	case !answered:
		p.NeverAnswered++
	case rejected:
		p.Rejects++
	default:
		p.Documents++
	}
	if due {
		p.Due++
	}
}

// parts are being counted. Their names are looked up as bytes, so that a million numbers make no million strings.
type parts map[string]*Part

func (p parts) of(name []byte) *Part {
	part := p[string(name)]
	if part == nil {
		part = &Part{}
		p[string(name)] = part
	}
	return part
}

func (p parts) into(counted map[string]Part) {
	for name, part := range p {
		counted[name] = *part
	}
}

// readUnpublished counts the answers that only the ledger has. It comes after readDemandes.
func (s *Status) readUnpublished(ctx context.Context, tx *sql.Tx, _ time.Time) error {
	first, _, err := unsealed(ctx, tx)
	if err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, `SELECT d.code_cdgf, coalesce(d.document_type, ''), count(*)
		FROM reponses r CROSS JOIN demandes d ON d.id = r.demande_id
		WHERE r.id >= coalesce((SELECT first_id FROM lots WHERE published_at IS NULL ORDER BY id LIMIT 1), ?) GROUP BY 1, 2`, first)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var code, typ string
		var answers int64
		if err := rows.Scan(&code, &typ, &answers); err != nil {
			return err
		}
		supplier, ofType := s.Suppliers[code], s.ByType[typ]
		supplier.Unpublished += answers
		ofType.Unpublished += answers
		s.Suppliers[code], s.ByType[typ] = supplier, ofType
	}
	return rows.Err()
}

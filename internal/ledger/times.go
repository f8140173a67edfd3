package ledger

import (
	"database/sql"
	"time"
)

// fromMicros is the UTC time of a stored one; the zero time for NULL.
func fromMicros(micros sql.NullInt64) time.Time {
	if !micros.Valid {
		return time.Time{}
	}
	return time.UnixMicro(micros.Int64).UTC()
}

package ledger

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks the file as this program's in SQLite's header: "OMEG".
const applicationID = 0x4f4d4547

// migrationNames is the migrations' file names, in order. The first brings a new file to version 1, and so on.
func migrationNames() ([]string, error) { return fs.Glob(migrations, "migrations/*.sql") }

// migrate brings the ledger up to this program's version, in the given transaction.
func migrate(ctx context.Context, tx *sql.Tx, version int) error {
	names, err := migrationNames()
	if err != nil {
		return err
	}
	for ; version < len(names); version++ {
		script, err := migrations.ReadFile(names[version])
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(script)); err != nil {
			return fmt.Errorf("applying %s: %w", names[version], err)
		}
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", version, applicationID))
	return err
}

package source

import (
	"context"
	"fmt"
	"io"
	"os"
)

// spillParquet reads a Parquet list that comes as a stream: Parquet is read from its end, so the whole is put into a
// temporary file first.
func (l *list) spillParquet(ctx context.Context, input io.Reader) error {
	file, err := os.CreateTemp("", "omega-export-*.parquet") // for this user alone, 0600
	if err != nil {
		return l.fail(0, fmt.Errorf("it is a Parquet stream and needs a temporary file, set TMPDIR to a folder that can be written: %w", err))
	}
	defer func() {
		_ = file.Close()
		_ = os.Remove(file.Name()) // where it was removed already, this fails
	}()
	_ = os.Remove(file.Name()) // at once, so that a killed program leaves nothing; some systems refuse it
	if _, err := io.Copy(file, input); err != nil {
		return l.fail(0, fmt.Errorf("copying the Parquet stream to a temporary file in %s: %w", os.TempDir(), explained(err)))
	}
	return l.readParquetFile(ctx, file)
}

package lease

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
)

const (
	objectName    = "lease.json"
	formatVersion = 1
	// mostBytes is more than a lease ever is; chunk too, so that it goes in one request.
	mostBytes = 64 << 10
	chunk     = 256 << 10
	// again is the pause before a write is repeated that the client did not repeat.
	again = 200 * time.Millisecond
)

// Record is what the lease's object says.
type Record struct {
	Version int `json:"version"`
	// Owner is who holds it, or held it last: host and process.
	Owner string `json:"owner"`
	// Fencing is greater for each holder than for all before.
	Fencing    int64     `json:"fencing"`
	AcquiredAt time.Time `json:"acquired_at"`
	RenewedAt  time.Time `json:"renewed_at"`
	// ExpiresAt is when it ends unless it is renewed, by the owner's clock.
	ExpiresAt time.Time `json:"expires_at"`
	// DurationMS is how long it lasts from each renewal, in milliseconds.
	DurationMS int64 `json:"duration_ms"`
	// Released says that the owner gave it back.
	Released bool `json:"released"`
	// Note is what holders leave one another.
	Note json.RawMessage `json:"note,omitempty"`
}

// Held says whether somebody holds the lease, as far as the clocks of two hosts can be compared.
func (r *Record) Held(now time.Time) bool {
	return !r.Released && now.Before(r.ExpiresAt.Add(r.margin()))
}

func (r *Record) duration() time.Duration { return time.Duration(r.DurationMS) * time.Millisecond }

// margin is what the clocks of two hosts may be apart, and what a holder keeps off the end.
func (r *Record) margin() time.Duration { return r.duration() / marginShare }

// object is the lease's object. Its methods are repeated by the client where that is safe, as long as ctx lasts.
type object struct {
	handle *storage.ObjectHandle
	uri    string
}

// openObject is the object of a lease at gs://bucket/prefix.
func openObject(client *storage.Client, url string) (*object, error) {
	bucket, prefix, ok := split(url)
	if !ok {
		return nil, fmt.Errorf("lease %s: it is no address as gs://bucket/prefix", url)
	}
	name := strings.TrimPrefix(prefix+"/"+objectName, "/")
	// Each write names a generation, so that it may be repeated whatever became of it.
	handle := client.Bucket(bucket).Object(name).Retryer(storage.WithPolicy(storage.RetryAlways))
	return &object{handle: handle, uri: "gs://" + bucket + "/" + name}, nil
}

func split(url string) (bucket, prefix string, ok bool) {
	rest, ok := strings.CutPrefix(url, "gs://")
	bucket, prefix, _ = strings.Cut(rest, "/")
	return bucket, strings.Trim(prefix, "/"), ok && bucket != ""
}

// read is what the object says, and its generation: 0 if there is none.
func (o *object) read(ctx context.Context) (record Record, generation int64, err error) {
	from, err := o.handle.NewReader(ctx)
	if errors.Is(err, storage.ErrObjectNotExist) {
		return record, 0, nil
	}
	if err != nil {
		return record, 0, fmt.Errorf("reading %s: %w", o.uri, err)
	}
	defer from.Close()
	text, err := io.ReadAll(io.LimitReader(from, mostBytes))
	if err != nil {
		return record, 0, fmt.Errorf("reading %s: %w", o.uri, err)
	}
	if err := json.Unmarshal(text, &record); err != nil {
		return record, 0, fmt.Errorf("reading %s: it is no lease: %w; remove it if no run is using this state", o.uri, err)
	}
	if record.Version != formatVersion {
		return record, 0, fmt.Errorf("reading %s: it is of version %d, which a newer program wrote", o.uri, record.Version)
	}
	return record, from.Attrs.Generation, nil
}

// errOvertaken says that another has written the object.
var errOvertaken = errors.New("another has written it meanwhile")

// write replaces the object if it is of that generation, 0: if there is none. It fails with errOvertaken if another
// holder has. One of this holder's own writes whose answer was lost is no other's: it is written upon.
func (o *object) write(ctx context.Context, record Record, generation int64) (written int64, err error) {
	record.Version = formatVersion
	text, err := json.Marshal(record)
	if err != nil {
		return 0, err
	}
	for {
		written, err := o.writeOnce(ctx, text, generation)
		if err == nil {
			return written, nil
		}
		// The client passes over an answer that was cut off whole, which it calls io.EOF.
		if (errors.Is(err, io.EOF) || storage.ShouldRetry(err)) && pause(ctx, again) == nil {
			continue
		}
		var refused *googleapi.Error
		if !errors.As(err, &refused) || refused.Code != http.StatusPreconditionFailed {
			return 0, err
		}
		there, at, err := o.read(ctx)
		switch {
		case err != nil:
			return 0, err
		case at == 0 || at == generation || !there.sameHold(record):
			return 0, fmt.Errorf("writing %s: %w", o.uri, errOvertaken)
		case there.RenewedAt.Equal(record.RenewedAt) && there.Released == record.Released && bytes.Equal(there.Note, record.Note):
			return at, nil
		}
		generation = at
	}
}

func (o *object) writeOnce(ctx context.Context, text []byte, generation int64) (written int64, err error) {
	conditions := storage.Conditions{GenerationMatch: generation}
	if generation == 0 {
		conditions = storage.Conditions{DoesNotExist: true}
	}
	to := o.handle.If(conditions).NewWriter(ctx)
	to.ChunkSize = chunk // else it would not be repeated
	to.ContentType = "application/json"
	to.CacheControl = "no-store"
	_, err = to.Write(text)
	if closed := to.Close(); closed != nil || err == nil {
		err = closed
	}
	if err != nil {
		return 0, fmt.Errorf("writing %s: %w", o.uri, err)
	}
	return to.Attrs().Generation, nil
}

// sameHold says whether two records are of one holder. Two that take a lease at once have one fencing number, but two
// owners: the owner's name has a random part.
func (r *Record) sameHold(other Record) bool {
	return r.Owner == other.Owner && r.Fencing == other.Fencing
}

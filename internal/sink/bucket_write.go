package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	gcs "cloud.google.com/go/storage"
)

const (
	// uploadWhole is up to what size an object is held in memory and sent at once, its checksum with it.
	uploadWhole = 1 << 20
	// uploadChunk is what of a greater one is held in memory, to be sent again where it was not taken: the memory of an
	// upload, whatever the file's size.
	uploadChunk = 8 << 20
	// uploadPatience is how long one chunk may take, with all repetitions.
	uploadPatience = 3 * time.Minute
)

func (b *bucket) Stage(ctx context.Context, name, lot string) (staged, error) {
	lock := lockName
	if strings.HasSuffix(lot, replacementMark("")) {
		lock = replacingName
	}
	// Not within ctx, since Land's caller knows better when to end: an upload is ended by Discard.
	ctx, release, err := b.fenced(ctx, lock)
	if err != nil {
		return nil, bucketError("writing", b.URI(name), err)
	}
	return &bucketObjectWriter{bucket: b, name: name, lock: lock, ctx: ctx, release: release, seen: b.reading()}, nil
}

// bucketObjectWriter is an object being uploaded.
type bucketObjectWriter struct {
	bucket  *bucket
	name    string
	lock    string
	ctx     context.Context // ends when the lock is lost, or with release
	release func()
	seen    *generations
	ended   bool

	buffer bytes.Buffer            // what is not sent yet, while upload is nil
	there  *gcs.ObjectAttrs        // what stood there before the upload; nil: nothing
	upload *gcs.Writer             // of an object greater than uploadWhole
	stop   context.CancelCauseFunc // ends the upload
}

func (w *bucketObjectWriter) Write(b []byte) (int, error) {
	if w.ended {
		return 0, fmt.Errorf("writing %s: it has ended", w.bucket.URI(w.name))
	}
	if w.upload == nil {
		if w.buffer.Len()+len(b) <= uploadWhole {
			return w.buffer.Write(b)
		}
		if err := w.begin(); err != nil {
			return 0, w.failed(err)
		}
	}
	defer w.watched()()
	written, err := w.upload.Write(b)
	if err != nil {
		return written, w.failed(err)
	}
	return written, nil
}

// watched ends the upload if it takes too long until the function that it gives is called: the client begins an upload
// again and again as long as its context lasts.
func (w *bucketObjectWriter) watched() (done func()) {
	timer := time.AfterFunc(uploadPatience, func() { w.stop(errSlow) })
	return func() { timer.Stop() }
}

func (w *bucketObjectWriter) failed(err error) error {
	return bucketError("writing", w.bucket.URI(w.name), because(w.ctx, err))
}

// begin begins the upload of a great object, of which nothing can be seen before it is closed.
func (w *bucketObjectWriter) begin() error {
	generation, err := w.upon()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(w.ctx)
	w.ctx, w.stop = ctx, stop
	w.upload = w.bucket.writer(ctx, w.name, generation, uploadChunk)
	defer w.watched()()
	// What the buffer held is in the upload's own from here on.
	_, err = w.upload.Write(w.buffer.Bytes())
	w.buffer = bytes.Buffer{}
	return err
}

// upon is the generation that the object goes upon: the one read under the lock. What was not read, since nothing in it
// matters, is looked for now: the lock is held after that too, so that nobody else wrote in between. A commit record
// goes upon nothing.
func (w *bucketObjectWriter) upon() (generation int64, err error) {
	if isRecord(w.name) {
		return 0, nil
	}
	if generation, known := w.seen.generation(w.name); known {
		if generation == 0 {
			return 0, nil
		}
	}
	if w.there, err = w.bucket.attributes(w.ctx, w.name); err != nil {
		return 0, err
	}
	if err := w.bucket.holds(w.lock); err != nil {
		return 0, err
	}
	if w.there != nil {
		w.seen.read(w.name, w.there.Generation)
		generation = w.there.Generation
	} else {
		w.seen.read(w.name, 0)
	}
	if first, known := w.seen.generation(w.name); known {
		generation = first
	}
	return generation, nil
}

// Land is staged.Land.
func (w *bucketObjectWriter) Land(sum digest) error {
	defer w.Discard()
	if w.ended {
		return fmt.Errorf("writing %s: it has ended", w.bucket.URI(w.name))
	}
	landed, err := w.land(sum)
	switch statusOf(err) {
	case http.StatusPreconditionFailed, http.StatusNotFound, http.StatusGone: // the last two: of an upload that has ended
		landed, err = w.landedBefore(sum, err)
	}
	if err != nil {
		return w.failed(err)
	}
	w.seen.wrote(w.name, landed)
	return nil
}

// land ends the upload and says which generation it made, or which stood there with the same bytes.
func (w *bucketObjectWriter) land(sum digest) (generation int64, err error) {
	if w.upload == nil {
		generation, err := w.upon()
		if err != nil {
			return 0, err
		}
		if holdsSum(w.there, sum) {
			return w.there.Generation, nil
		}
		return w.bucket.put(w.ctx, w.name, generation, w.buffer.Bytes(), sum.CRC32C)
	}
	if holdsSum(w.there, sum) {
		return w.there.Generation, nil // the upload is left to be forgotten
	}
	// The client sends its own sum of the bytes with the last of them.
	defer w.watched()()
	if err := w.upload.Close(); err != nil {
		return 0, err
	}
	made := w.upload.Attrs()
	if !holdsSum(made, sum) {
		_ = w.bucket.upon(w.name, made.Generation).Delete(w.ctx) // or it stays, named by nothing
		return 0, fmt.Errorf("%d bytes of CRC32C %08x were sent, and %d of %08x have arrived", sum.Bytes, sum.CRC32C, made.Size, made.CRC32C)
	}
	return made.Generation, nil
}

// landedBefore looks at what stands there although the write said that something else must: an upload whose answer was
// lost has landed, and so has that of a run that was killed.
func (w *bucketObjectWriter) landedBefore(sum digest, refused error) (generation int64, err error) {
	there, err := w.bucket.attributes(w.ctx, w.name)
	switch {
	case err != nil:
		return 0, err
	case there != nil && holdsSum(there, sum):
		return there.Generation, nil
	case there == nil, statusOf(refused) != http.StatusPreconditionFailed:
		return 0, refused
	}
	return 0, fmt.Errorf("%w: there stand %d bytes of CRC32C %08x, generation %d, instead of %d bytes of CRC32C %08x: %w",
		errChanged, there.Size, there.CRC32C, there.Generation, sum.Bytes, sum.CRC32C, refused)
}

// Discard is staged.Discard.
func (w *bucketObjectWriter) Discard() {
	if w.ended {
		return
	}
	w.ended = true
	w.release() // ends an upload that was not closed
	if w.upload != nil {
		w.stop(nil)
		_ = w.upload.Close() // waits for its goroutine
	}
	w.buffer = bytes.Buffer{}
}

func holdsSum(there *gcs.ObjectAttrs, sum digest) bool {
	return there != nil && there.Size == sum.Bytes && there.CRC32C == sum.CRC32C
}

// attributes are an object's, or nil if there is none.
func (b *bucket) attributes(ctx context.Context, name string) (*gcs.ObjectAttrs, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	attrs, err := b.object(name).Attrs(ctx)
	if errors.Is(err, gcs.ErrObjectNotExist) {
		return nil, nil
	}
	return attrs, err
}

// put writes a small object upon a generation, and says which it made.
func (b *bucket) put(ctx context.Context, name string, upon int64, content []byte, crc32c uint32) (generation int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	const quarter = 256 << 10 // chunks are multiples of it, and one that is full would be sent as the first of several
	to := b.writer(ctx, name, upon, (len(content)/quarter+1)*quarter)
	to.CRC32C, to.SendCRC32C = crc32c, true
	if _, err := io.Copy(to, bytes.NewReader(content)); err != nil {
		_ = to.Close()
		return 0, err
	}
	if err := to.Close(); err != nil {
		return 0, err
	}
	return to.Attrs().Generation, nil
}

func (b *bucket) writer(ctx context.Context, name string, upon int64, chunk int) *gcs.Writer {
	to := b.upon(name, upon).NewWriter(ctx)
	to.ChunkSize = chunk
	to.ChunkRetryDeadline = patience
	to.ContentType = contentType(name)
	if !strings.HasSuffix(name, ".parquet") {
		to.CacheControl = "no-cache" // of an object that is replaced, readers shall not keep the old one
	}
	return to
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".parquet":
		return "application/vnd.apache.parquet"
	case ".files", ".sql":
		return "text/plain; charset=utf-8"
	}
	return "application/json"
}

package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	gcs "cloud.google.com/go/storage"
)

const (
	// readWhole is up to what size an object is read at once into memory.
	readWhole = 4 << 20
	// readBlock and readBlocks are what is kept of a greater one, for readers that jump about in it.
	readBlock  = 1 << 20
	readBlocks = 16
)

func (b *bucket) Open(ctx context.Context, name string) (object, error) {
	seen := b.reading()
	handle := b.object(name)
	from, cancel, err := openRange(ctx, handle, 0, -1)
	if errors.Is(err, gcs.ErrObjectNotExist) {
		seen.read(name, 0)
		return nil, &fs.PathError{Op: "open", Path: b.URI(name), Err: fs.ErrNotExist}
	}
	if err != nil {
		return nil, bucketError("reading", b.URI(name), err)
	}
	seen.read(name, from.Attrs.Generation)
	o := &bucketObject{
		ctx: ctx, uri: b.URI(name), handle: handle.Generation(from.Attrs.Generation), size: from.Attrs.Size,
		stream: from, end: cancel,
	}
	if o.size <= readWhole {
		defer o.endStream()
		whole := make([]byte, o.size)
		if _, err := io.ReadFull(from, whole); err != nil {
			return nil, bucketError("reading", o.uri, err)
		}
		o.blocks = []block{{bytes: whole}}
	}
	return o, nil
}

// openRange begins to read, which must succeed within patience; the reading itself is bounded by stall.
func openRange(ctx context.Context, from *gcs.ObjectHandle, offset, length int64) (*gcs.Reader, context.CancelFunc, error) {
	ctx, cancel := context.WithCancel(ctx)
	late := time.AfterFunc(patience, cancel)
	reader, err := from.NewRangeReader(ctx, offset, length)
	if !late.Stop() {
		if err == nil {
			_ = reader.Close()
		}
		err = fmt.Errorf("%w: %v", errSlow, err) // not the end of ctx, which it looks like
	}
	if err != nil {
		cancel()
		return nil, nil, err
	}
	return reader, cancel, nil
}

// bucketObject is one generation of an object being read: in order, as one stream, or here and there, by blocks.
type bucketObject struct {
	ctx    context.Context
	uri    string
	handle *gcs.ObjectHandle
	size   int64

	// These are for Read and Seek, which are for one goroutine, as those of a file.
	stream   *gcs.Reader // at offset, if it is not nil
	end      context.CancelFunc
	offset   int64
	position int64 // of the stream

	mutex  sync.Mutex
	blocks []block // the last used last; of a small object, it is one
}

type block struct {
	at    int64
	bytes []byte
}

func (o *bucketObject) Size() int64 { return o.size }

func (o *bucketObject) Read(b []byte) (int, error) {
	if o.size <= readWhole {
		read, err := o.ReadAt(b, o.offset)
		o.offset += int64(read)
		if read > 0 && errors.Is(err, io.EOF) {
			err = nil
		}
		return read, err
	}
	if o.offset >= o.size {
		return 0, io.EOF
	}
	if o.stream == nil || o.position != o.offset {
		o.endStream()
		stream, end, err := openRange(o.ctx, o.handle, o.offset, -1)
		if err != nil {
			return 0, bucketError("reading", o.uri, err)
		}
		o.stream, o.end, o.position = stream, end, o.offset
	}
	read, err := o.stream.Read(b)
	o.offset += int64(read)
	o.position = o.offset
	if err != nil && !errors.Is(err, io.EOF) {
		err = bucketError("reading", o.uri, err)
	}
	return read, err
}

func (o *bucketObject) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.offset
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("reading %s from %d: %w", o.uri, offset, fs.ErrInvalid)
	}
	o.offset = offset
	return offset, nil
}

func (o *bucketObject) ReadAt(b []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, fmt.Errorf("reading %s from %d: %w", o.uri, offset, fs.ErrInvalid)
	}
	var read int
	for read < len(b) {
		at := offset + int64(read)
		if at >= o.size {
			return read, io.EOF
		}
		if o.size > readWhole && len(b)-read >= readBlock {
			whole := b[read:][:min(int64(len(b)-read), o.size-at)]
			if err := o.fetch(whole, at); err != nil {
				return read, err
			}
			read += len(whole)
			continue
		}
		held, err := o.block(at)
		if err != nil {
			return read, err
		}
		read += copy(b[read:], held.bytes[at-held.at:])
	}
	return read, nil
}

// block is the one that holds an offset, kept or fetched.
func (o *bucketObject) block(offset int64) (block, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	for i, held := range o.blocks {
		if held.at <= offset && offset < held.at+int64(len(held.bytes)) {
			copy(o.blocks[i:], o.blocks[i+1:])
			o.blocks[len(o.blocks)-1] = held
			return held, nil
		}
	}
	at := offset / readBlock * readBlock
	fetched := block{at: at, bytes: make([]byte, min(readBlock, o.size-at))}
	if err := o.fetch(fetched.bytes, at); err != nil {
		return block{}, err
	}
	if len(o.blocks) == readBlocks {
		o.blocks = append(o.blocks[:0], o.blocks[1:]...)
	}
	o.blocks = append(o.blocks, fetched)
	return fetched, nil
}

func (o *bucketObject) fetch(into []byte, offset int64) error {
	from, cancel, err := openRange(o.ctx, o.handle, offset, int64(len(into)))
	if err != nil {
		return bucketError("reading", o.uri, err)
	}
	defer cancel()
	defer from.Close()
	if _, err := io.ReadFull(from, into); err != nil {
		return bucketError("reading", o.uri, err)
	}
	return nil
}

func (o *bucketObject) endStream() {
	if o.stream == nil {
		return
	}
	o.end()
	_ = o.stream.Close()
	o.stream = nil
}

// Close ends the reading.
func (o *bucketObject) Close() error {
	o.endStream()
	return nil
}

package sink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	gcs "cloud.google.com/go/storage"
	"golang.org/x/sync/errgroup"
	"google.golang.org/api/iterator"
)

const (
	bucketScheme = "gs://"
	// patience is how long one operation on a bucket is tried again and again before it is given up, by which nothing
	// is lost: what was to be published waits.
	patience = 30 * time.Second
	// removals is how many objects are removed at once.
	removals = 16
)

// bucket is the storage of a Google Cloud Storage bucket, below a prefix.
//
// Nothing is renamed there: an object appears when its upload ends, and an upload that never ends leaves nothing to be
// seen, so that nothing is left aside. Every write and removal under a lock names the generation that it goes upon: the
// one that was read first under that lock, or none. See lease for what that is worth when a lock is lost.
type bucket struct {
	handle *gcs.BucketHandle
	name   string
	prefix string // "" or ending with a slash

	locks map[string]chan struct{} // one token each: in this process, one lease of a name at a time

	mutex  sync.Mutex // of what follows
	leases map[string]*lease
	seen   *generations // what was read under lockName; nil while it is not held
}

// openBucket is the storage of gs://bucket/prefix. The bucket is looked at, not written to. Nothing is to be closed: the
// client's connections go when they are idle.
func openBucket(ctx context.Context, uri string) (*bucket, error) {
	name, prefix, _ := strings.Cut(strings.TrimPrefix(uri, bucketScheme), "/")
	if name == "" {
		return nil, fmt.Errorf("output %s: no bucket is named; give gs://BUCKET/PREFIX with --out", uri)
	}
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		if !fs.ValidPath(prefix) || strings.ContainsAny(prefix, "\r\n*?[#") {
			return nil, fmt.Errorf("output %s: the prefix has an empty part, one of dots, or one of * ? [ #; choose another with --out", uri)
		}
		prefix += "/"
	}
	client, err := newBucketClient(ctx)
	if err != nil {
		return nil, bucketError("connecting to", uri, err)
	}
	b := &bucket{
		handle: client.Bucket(name), name: name, prefix: prefix,
		locks: map[string]chan struct{}{}, leases: map[string]*lease{},
	}
	for _, lock := range []string{lockName, replacingName} {
		b.locks[lock] = make(chan struct{}, 1)
	}
	return b, b.look(ctx)
}

// look sees whether the bucket is there and may be listed.
func (b *bucket) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := b.handle.Objects(ctx, &gcs.Query{Prefix: b.prefix}).Next()
	if err != nil && !errors.Is(err, iterator.Done) {
		return bucketError("looking into", b.URI(""), err)
	}
	return nil
}

func (b *bucket) URI(name string) string {
	return strings.TrimSuffix(bucketScheme+b.name+"/"+b.prefix+name, "/")
}

func (b *bucket) object(name string) *gcs.ObjectHandle { return b.handle.Object(b.prefix + name) }

// upon is the object's handle for a write that fails unless that generation stands there; 0: none.
func (b *bucket) upon(name string, generation int64) *gcs.ObjectHandle {
	return b.object(name).If(condition(generation))
}

func condition(generation int64) gcs.Conditions {
	if generation == 0 {
		return gcs.Conditions{DoesNotExist: true}
	}
	return gcs.Conditions{GenerationMatch: generation}
}

func (b *bucket) List(ctx context.Context, folder string) ([]string, error) {
	objects, err := b.Dated(ctx, folder)
	var names []string
	for _, object := range objects {
		names = append(names, object.name)
	}
	return names, err
}

func (b *bucket) Dated(ctx context.Context, folder string) ([]dated, error) {
	query := &gcs.Query{Prefix: b.prefix}
	if folder != "" {
		query.Prefix += folder + "/"
	}
	if err := query.SetAttrSelection([]string{"Name", "Generation", "Created"}); err != nil {
		return nil, err
	}
	seen := b.reading()
	var found []dated
	objects := b.handle.Objects(ctx, query)
	for {
		attrs, err := b.next(ctx, objects)
		if errors.Is(err, iterator.Done) {
			slices.SortFunc(found, func(a, b dated) int { return strings.Compare(a.name, b.name) })
			return found, nil
		}
		if err != nil {
			return nil, bucketError("listing", b.URI(folder), err)
		}
		name := strings.TrimPrefix(attrs.Name, b.prefix)
		if strings.HasSuffix(name, "/") || strings.HasPrefix(path.Base(name), ".") {
			continue
		}
		seen.read(name, attrs.Generation)
		found = append(found, dated{name, attrs.Created})
	}
}

// next is the iterator's, whose pages are each waited for no longer than patience: it has one context for all of them.
func (b *bucket) next(ctx context.Context, objects *gcs.ObjectIterator) (*gcs.ObjectAttrs, error) {
	if objects.PageInfo().Remaining() > 0 {
		return objects.Next()
	}
	return bounded(ctx, objects.Next)
}

// bounded is what do gives within patience. A do that takes longer goes on, heard by nobody, until its own timeouts.
func bounded[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ended := make(chan outcome, 1)
	go func() {
		value, err := do()
		ended <- outcome{value, err}
	}()
	select {
	case out := <-ended:
		return out.value, out.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

func (b *bucket) Remove(ctx context.Context, name string) error {
	return b.Erase(ctx, []string{name})
}

func (b *bucket) Erase(ctx context.Context, names []string) error {
	lock := lockName
	if b.lease(lockName) == nil {
		lock = replacingName
	}
	ctx, release, err := b.fenced(ctx, lock)
	if err != nil {
		return bucketError("removing from", b.URI(""), err)
	}
	defer release()
	removing, ctx := errgroup.WithContext(ctx)
	removing.SetLimit(removals)
	for _, name := range names {
		removing.Go(func() error { return b.erase(ctx, name) })
	}
	return removing.Wait()
}

func (b *bucket) erase(ctx context.Context, name string) error {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	seen := b.reading()
	object := b.object(name)
	if generation, known := seen.generation(name); known {
		if generation == 0 {
			return nil
		}
		object = b.upon(name, generation)
	}
	if err := object.Delete(limited); err != nil && !errors.Is(err, gcs.ErrObjectNotExist) {
		return bucketError("removing", b.URI(name), because(ctx, err))
	}
	seen.wrote(name, 0)
	return nil
}

// Sweep has nothing to do: an upload that does not end leaves nothing.
func (b *bucket) Sweep(context.Context, func(string) bool) error { return nil }

// generations are those of the objects that were read under one hold of the lock, 0 for what was not there.
//
// The first reading counts: if a later one differs, somebody else has written although the lock is held, hence the lock
// is lost, and a write upon the first fails as it must. Readers without the lock may note here too: what they have read
// under it is nothing else. A nil *generations notes nothing and knows nothing.
type generations struct {
	mutex  sync.Mutex
	byName map[string]int64
}

// reading is where to note what is read from now on. To be asked for before the reading.
func (b *bucket) reading() *generations {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.seen
}

func (g *generations) read(name string, generation int64) {
	if g == nil {
		return
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if _, known := g.byName[name]; !known {
		g.byName[name] = generation
	}
}

func (g *generations) wrote(name string, generation int64) {
	if g == nil {
		return
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.byName[name] = generation
}

func (g *generations) generation(name string) (generation int64, known bool) {
	if g == nil {
		return 0, false
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	generation, known = g.byName[name]
	return generation, known
}

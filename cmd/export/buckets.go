package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"

	"omega-export/internal/source"
)

// bucketLists reads lists from Google Cloud Storage, with the default credentials or from STORAGE_EMULATOR_HOST. It is
// a source.Bucket; connecting is left to the first use.
type bucketLists struct{ client *storage.Client }

// listBuckets is the door for lists in buckets; nil if no list is in one.
func listBuckets(lists []string) source.Bucket {
	if slices.ContainsFunc(lists, isBucket) {
		return &bucketLists{}
	}
	return nil
}

func (b *bucketLists) bucket(ctx context.Context, name string) (*storage.BucketHandle, error) {
	if b.client == nil {
		// Not with JSON reads, which cannot be told to leave gzip packed.
		client, err := storage.NewClient(context.WithoutCancel(ctx))
		if err != nil {
			return nil, fmt.Errorf("connecting to bucket %s: %w", name, err)
		}
		b.client = client
	}
	return b.client.Bucket(name), nil
}

// Expand gives the objects that a pattern names. As in a folder, * and ? match no slash.
func (b *bucketLists) Expand(ctx context.Context, pattern string) ([]string, error) {
	bucket, name, err := splitBucket(pattern)
	if err != nil {
		return nil, err
	}
	handle, err := b.bucket(ctx, bucket)
	if err != nil {
		return nil, err
	}
	_, err = handle.Object(name).Attrs(ctx)
	wildcard := strings.IndexAny(name, "*?[")
	switch {
	case err == nil: // even where the name could be a glob
		return []string{pattern}, nil
	case wildcard < 0 && errors.Is(err, storage.ErrObjectNotExist) && b.exists(ctx, handle):
		return nil, nil
	case wildcard < 0 || !errors.Is(err, storage.ErrObjectNotExist):
		return nil, bucketListError(bucket, err)
	}
	return expandObjects(ctx, handle, bucket, name, name[:wildcard])
}

// exists says whether the bucket can be listed: of an object the service tells alike that it or its bucket is missing.
func (*bucketLists) exists(ctx context.Context, handle *storage.BucketHandle) bool {
	_, err := handle.Objects(ctx, &storage.Query{Prefix: "\x00"}).Next()
	return errors.Is(err, iterator.Done)
}

func expandObjects(ctx context.Context, handle *storage.BucketHandle, bucket, pattern, prefix string) ([]string, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("it is no glob: %w", err)
	}
	query := &storage.Query{Prefix: prefix}
	if err := query.SetAttrSelection([]string{"Name"}); err != nil {
		return nil, err
	}
	var found []string
	for objects := handle.Objects(ctx, query); ; {
		attrs, err := objects.Next()
		if errors.Is(err, iterator.Done) {
			slices.Sort(found)
			return found, nil
		}
		if err != nil {
			return nil, bucketListError(bucket, err)
		}
		if matched, _ := path.Match(pattern, attrs.Name); matched && !strings.HasSuffix(attrs.Name, "/") {
			found = append(found, bucketScheme+bucket+"/"+attrs.Name)
		}
	}
}

// Open streams an object as it is stored: one that is marked as gzip is not unpacked by the service, which would hide
// where its bytes are cut short.
func (b *bucketLists) Open(ctx context.Context, uri string) (io.ReadCloser, error) {
	bucket, name, err := splitBucket(uri)
	if err != nil {
		return nil, err
	}
	handle, err := b.bucket(ctx, bucket)
	if err != nil {
		return nil, err
	}
	reader, err := handle.Object(name).ReadCompressed(true).NewReader(ctx)
	if err != nil {
		return nil, bucketListError(bucket, err)
	}
	return reader, nil
}

func splitBucket(uri string) (bucket, name string, err error) {
	bucket, name, _ = strings.Cut(strings.TrimPrefix(uri, bucketScheme), "/")
	if bucket == "" || name == "" || strings.HasSuffix(name, "/") {
		return "", "", errors.New("it names no object: give gs://BUCKET/OBJECT, which may have * and ?")
	}
	return bucket, name, nil
}

// bucketListError names the bucket, and what the failure is in the terms of a file system.
func bucketListError(bucket string, err error) error {
	var answer *googleapi.Error
	_ = errors.As(err, &answer)
	switch {
	case errors.Is(err, storage.ErrObjectNotExist), errors.Is(err, storage.ErrBucketNotExist), answer != nil && answer.Code == http.StatusNotFound:
		return fmt.Errorf("bucket %s: %w (%w)", bucket, fs.ErrNotExist, err)
	case answer != nil && (answer.Code == http.StatusForbidden || answer.Code == http.StatusUnauthorized):
		return fmt.Errorf("bucket %s: %w (%w): the account needs the role Storage Object Viewer on it", bucket, fs.ErrPermission, err)
	}
	return fmt.Errorf("bucket %s: %w", bucket, err)
}

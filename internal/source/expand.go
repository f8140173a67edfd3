package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stdin is the name of the list that is standard input.
const stdin = "-"

// expand gives the files, objects and standard input that lists name, in that order, without reading them.
func expand(ctx context.Context, lists []string, buckets Bucket) ([]string, error) {
	var names []string
	for _, list := range lists {
		if list == stdin && slices.Contains(names, stdin) {
			return nil, &ListError{List: list, Err: errors.New("it is named twice, and can be read only once")}
		}
		found, err := expandOne(ctx, list, buckets)
		if err != nil {
			return nil, &ListError{List: list, Err: err}
		}
		names = append(names, found...)
	}
	return names, nil
}

func expandOne(ctx context.Context, list string, buckets Bucket) ([]string, error) {
	switch {
	case list == "":
		return nil, errors.New("its name is empty")
	case list == stdin:
		return []string{list}, nil
	case strings.HasPrefix(list, "gs://"):
		return expandBucket(ctx, list, buckets)
	}
	info, err := os.Stat(list)
	switch {
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("it is a folder, name its files, such as %s", filepath.Join(list, "*.csv"))
	case err == nil: // even where the name could be a glob
		return []string{list}, nil
	case strings.ContainsAny(list, "*?["):
		return expandGlob(list)
	case strings.Contains(list, "://"):
		return nil, errors.New("it is no file, and of addresses only gs:// can be read; copy it to a file, or pipe it in and name the list -")
	}
	return nil, explained(err)
}

// expandGlob passes over folders, which no one means by a list.
func expandGlob(pattern string) ([]string, error) {
	matches, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("it is no file, and no glob either: %w", err)
	}
	files := slices.DeleteFunc(matches, func(name string) bool {
		info, err := os.Stat(name)
		return err == nil && info.IsDir()
	})
	if len(files) == 0 {
		return nil, errors.New("no file matches, check the pattern and the folder's permissions")
	}
	slices.Sort(files) // Glob sorts only within a folder
	return files, nil
}

func expandBucket(ctx context.Context, pattern string, buckets Bucket) ([]string, error) {
	if buckets == nil {
		return nil, errors.New("buckets cannot be read yet, copy the object to a file, or pipe it in and name the list -")
	}
	objects, err := buckets.Expand(ctx, pattern)
	if err != nil {
		return nil, explained(err)
	}
	if len(objects) == 0 {
		return nil, errors.New("no object matches, check the bucket and the name")
	}
	return objects, nil
}

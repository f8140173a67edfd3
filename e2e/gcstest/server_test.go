package gcstest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func started(t *testing.T) *Server {
	t.Helper()
	s, err := Start(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// asks sends a request and gives its answer's status. It may be called from any goroutine.
func asks(t *testing.T, method, address, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func (s *Server) put(t *testing.T, bucket, name, condition, body string) int {
	t.Helper()
	return asks(t, http.MethodPost, fmt.Sprintf("%s/upload/storage/v1/b/%s/o?uploadType=media&name=%s%s", s.URL, bucket, name, condition), body)
}

func TestARemovalOfAnotherGenerationIsRefused(t *testing.T) {
	t.Parallel()
	s := started(t)
	bucket := s.NewBucket()
	if got := s.put(t, bucket, "a%2Fb", "", "first"); got != http.StatusOK {
		t.Fatal(got)
	}
	objects, err := s.Objects(bucket)
	if err != nil {
		t.Fatal(err)
	}
	first := objects["a/b"].Generation
	time.Sleep(time.Millisecond) // generations are times
	if got := s.put(t, bucket, "a%2Fb", "", "second"); got != http.StatusOK {
		t.Fatal(got)
	}
	object := s.URL + "/storage/v1/b/" + bucket + "/o/a%2Fb?ifGenerationMatch="
	if got := asks(t, http.MethodDelete, object+strconv.FormatInt(first, 10), ""); got != http.StatusPreconditionFailed {
		t.Errorf("the removal of the generation before gets %d", got)
	}
	if objects, err = s.Objects(bucket); err != nil || objects["a/b"].Name == "" {
		t.Fatalf("the object is gone: %v", err)
	}
	now := strconv.FormatInt(objects["a/b"].Generation, 10)
	if got := asks(t, http.MethodDelete, object+now, ""); got != http.StatusOK && got != http.StatusNoContent {
		t.Errorf("the removal gets %d", got)
	}
	if got := asks(t, http.MethodDelete, object+now, ""); got != http.StatusNotFound {
		t.Errorf("the removal of what is gone gets %d", got)
	}
}

func TestOfManyWritesThatWantToBeTheFirstOneIs(t *testing.T) {
	t.Parallel()
	s := started(t)
	bucket := s.NewBucket()
	var created atomic.Int32
	var writers sync.WaitGroup
	for range 32 {
		writers.Go(func() {
			switch got := s.put(t, bucket, "a", "&ifGenerationMatch=0", "x"); got {
			case http.StatusOK:
				created.Add(1)
			case http.StatusPreconditionFailed:
			default:
				t.Errorf("a write gets %d", got)
			}
		})
	}
	writers.Wait()
	if created.Load() != 1 {
		t.Errorf("%d writes were the first", created.Load())
	}
}

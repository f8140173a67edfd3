package sink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	gcs "cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
)

var (
	// errLeaseLost is the cause of what fails because the lock was lost.
	errLeaseLost = errors.New("the lock of the output was lost: it could not be renewed in time")
	// errSlow is the cause of what fails because it took too long.
	errSlow = errors.New("it took too long")
	// errChanged says that somebody else wrote an object since it was read.
	errChanged = errors.New("another process has written it meanwhile")
)

// bucketError is an *OutputError that says what to do about it. One of refused access is fs.ErrPermission.
func bucketError(doing, uri string, err error) error {
	var known *OutputError
	if errors.As(err, &known) {
		return err
	}
	failure := &OutputError{Path: uri, Doing: doing, Err: err}
	const again = "nothing is lost: run again, and what waits is published"
	switch code := statusOf(err); {
	case errors.Is(err, errLeaseLost), errors.Is(err, errChanged):
		failure.Advice = again
	case code == http.StatusPreconditionFailed:
		failure.Err = fmt.Errorf("%w: %w", errChanged, err)
		failure.Advice = again
	case errors.Is(err, gcs.ErrBucketNotExist), code == http.StatusNotFound:
		failure.Advice = "there is no such bucket: create it, or choose another output with --out"
	case errors.Is(err, errNoCredentials), code == http.StatusUnauthorized:
		failure.Err = fmt.Errorf("%w: %w", fs.ErrPermission, err)
		failure.Advice = "give credentials: a service account on Google Cloud, GOOGLE_APPLICATION_CREDENTIALS, or `gcloud auth application-default login`"
	case code == http.StatusForbidden:
		failure.Err = fmt.Errorf("%w: %w", fs.ErrPermission, err)
		failure.Advice = "give the account that runs this the role Storage Object Admin (roles/storage.objectAdmin) on the bucket; to verify, Storage Object Viewer is enough"
	case code == 0 || code >= http.StatusInternalServerError || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		if !errors.Is(err, context.Canceled) {
			failure.Advice = "the bucket is not to be reached at the moment; " + again
		}
	}
	return failure
}

// statusOf is the HTTP status that a bucket answered, or 0.
func statusOf(err error) int {
	var answer *googleapi.Error
	if errors.As(err, &answer) {
		return answer.Code
	}
	return 0
}

// because is err, or why ctx was ended by this package, if that is why.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errLeaseLost) || errors.Is(cause, errSlow) {
		return cause
	}
	return err
}

package omega

import (
	"errors"
	"net/url"
	"strings"
)

// safe is an error of package net/http that may be shown. Where such an error quotes what the server sent ("malformed
// HTTP response ..."), only the words before the quotation stay: it may be a piece of an answer.
func safe(err error) error {
	var located *url.Error
	if errors.As(err, &located) {
		err = located.Err // the caller names the address, as far as it needs naming
	}
	words, _, quotes := strings.Cut(err.Error(), `"`)
	if !quotes {
		return err
	}
	return errors.New(strings.TrimRight(words, " :"))
}

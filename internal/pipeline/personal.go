package pipeline

import (
	"omega-export/internal/flatten"
	"omega-export/internal/ledger"
)

// Personal says what becomes of values that tell of a person.
type Personal interface {
	flatten.Policy
	// KeepsText says whether free text, of which nobody knows what it tells, stays as it is.
	KeepsText() bool
}

// keepsAll says whether all values stay as they are.
func keepsAll(policy Personal) bool { return policy == nil || policy.KeepsAll() }

// rejectMessage is what stands of a reject's message in the tables. That of an answer 200 tells of a document that could
// not be taken, maybe with parts of it; any other is a text of the API's, in which there may be anything.
func rejectMessage(policy Personal, s *ledger.Stored) (message string, stays bool) {
	return s.Message, keepsAll(policy) || s.HTTPStatus != 200 && policy.KeepsText()
}

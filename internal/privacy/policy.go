package privacy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Action is what becomes of the values of a mark.
type Action string

// The actions, as the flags name them.
const (
	Keep         Action = "keep"
	Drop         Action = "drop"
	Pseudonymise Action = "pseudonymise"
)

func (a Action) check() error {
	if a == Keep || a == Drop || a == Pseudonymise {
		return nil
	}
	return fmt.Errorf("%q is nothing that can be done with a value: keep, drop or pseudonymise", string(a))
}

// ErrNoKey says that values are to be pseudonymised and no key was given.
var ErrNoKey = errors.New("values are to be pseudonymised, and there is no key")

// The marks whose values are written in several ways; see Normalise.
const (
	markName      = "nom"
	markFirstName = "prenom"
	markPhone     = "telephone"
	markAddress   = "adresse"
	markEmail     = "courriel"
	markFreeText  = "autre"
)

// Options say what is to be done.
type Options struct {
	Marks   []string // those that there are
	Default Action   // "": Keep
	// ByMark are as MARK=ACTION; of two for a mark the last counts.
	ByMark []string
	Key    *Key // nil: none
}

// Policy is what becomes of each mark. It is not changed once made, and may be used from several goroutines. A nil
// Policy keeps all.
type Policy struct {
	actions  map[string]Action
	fallback Action
	key      *Key
}

// NewPolicy makes a policy. The error names what is wrong of the options, or is ErrNoKey.
func NewPolicy(options Options) (*Policy, error) {
	p := &Policy{actions: map[string]Action{}, fallback: options.Default, key: options.Key}
	if p.fallback == "" {
		p.fallback = Keep
	}
	if err := p.fallback.check(); err != nil {
		return nil, err
	}
	for _, mark := range options.Marks {
		p.actions[mark] = p.fallback
	}
	for _, one := range options.ByMark {
		mark, action, ok := strings.Cut(one, "=")
		if _, known := p.actions[mark]; !ok || !known {
			return nil, fmt.Errorf("%q: MARK=ACTION is wanted, as telephone=drop; the marks: %s", one, strings.Join(options.Marks, ", "))
		}
		if err := Action(action).check(); err != nil {
			return nil, fmt.Errorf("%s: %w", one, err)
		}
		p.actions[mark] = Action(action)
	}
	if p.key == nil && p.any(Pseudonymise) {
		return nil, ErrNoKey
	}
	return p, nil
}

// of is what becomes of a mark's values. One that the policy was not told of is treated as all that are not told apart.
func (p *Policy) of(mark string) Action {
	if action, ok := p.actions[mark]; ok {
		return action
	}
	return p.fallback
}

func (p *Policy) any(action Action) bool {
	if p.fallback == action && len(p.actions) == 0 {
		return true
	}
	for _, there := range p.actions {
		if there == action {
			return true
		}
	}
	return false
}

// KeepsAll says whether nothing is dropped and nothing replaced.
func (p *Policy) KeepsAll() bool { return p == nil || !p.any(Drop) && !p.any(Pseudonymise) }

// Keeps says whether the values of a mark stay as they are.
func (p *Policy) Keeps(mark string) bool { return p == nil || p.of(mark) == Keep }

// KeepsText says whether free text, of which nobody knows what it tells, stays as it is.
func (p *Policy) KeepsText() bool { return p.Keeps(markFreeText) }

// Codes says whether the values of a mark are replaced by codes.
func (p *Policy) Codes(mark string) bool { return p != nil && p.of(mark) == Pseudonymise }

// KeyID names the key of the codes, "" if there is none.
func (p *Policy) KeyID() string {
	if p == nil || p.key == nil {
		return ""
	}
	return p.key.ID()
}

// AppendCode appends the code of a value of that mark to dst. It may only be called with a key.
func (p *Policy) AppendCode(dst []byte, mark string, value []byte) []byte {
	return p.key.appendCode(dst, mark, Normalise(mark, string(value)))
}

// Describe tells what becomes of each mark, by mark, for a log or a report.
func (p *Policy) Describe() string {
	if p.KeepsAll() {
		return "all kept"
	}
	var parts []string
	for mark, action := range p.actions {
		parts = append(parts, mark+"="+string(action))
	}
	slices.Sort(parts)
	if id := p.KeyID(); id != "" && p.any(Pseudonymise) {
		parts = append(parts, "key "+id)
	}
	return strings.Join(parts, " ")
}

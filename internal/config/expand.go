package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand puts variables in a text: ${NAME}, ${NAME:-default} (also for one that is set to nothing, as in a shell), and
// $$ for a dollar. A lone dollar is an error, lest $NAME be taken for a variable that it is not.
func expand(text string, lookup func(string) (string, bool)) (expanded string, variables []string, err error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		out.WriteString(before)
		if !found {
			return out.String(), variables, nil
		}
		if after, dollar := strings.CutPrefix(rest, "$"); dollar {
			out.WriteByte('$')
			text = after
			continue
		}
		inner, braced := strings.CutPrefix(rest, "{")
		if !braced {
			return "", nil, errors.New("a lone $: write ${NAME} for a variable, $$ for a dollar")
		}
		inner, after, closed := strings.Cut(inner, "}")
		if !closed {
			return "", nil, errors.New("a ${ without its }")
		}
		name, byDefault, hasDefault := strings.Cut(inner, ":-")
		if !variableName.MatchString(name) {
			return "", nil, fmt.Errorf("%q is no name of a variable: write ${NAME} or ${NAME:-default}", name)
		}
		value, set := lookup(name)
		switch {
		case hasDefault && value == "":
			value = byDefault
		case !set:
			return "", nil, fmt.Errorf("the variable %s is not set: set it, or write ${%s:-default}", name, name)
		}
		variables = append(variables, name)
		out.WriteString(value)
		text = after
	}
}

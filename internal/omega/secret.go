package omega

import (
	"fmt"
	"log/slog"
)

const hidden = "[secret]"

// Secret is text that must not be shown: however it is printed, logged or encoded, "[secret]" stands in its place.
// (Only a Secret in an unexported field of a struct escapes this, since package fmt then calls no method.)
type Secret string

// Reveal is the text itself.
func (s Secret) Reveal() string { return string(s) }

// Format covers every verb of package fmt, the wrong ones too: %d would else print the text in its complaint.
func (Secret) Format(state fmt.State, _ rune) { _, _ = state.Write([]byte(hidden)) }

// String is "[secret]".
func (Secret) String() string { return hidden }

// GoString is "[secret]".
func (Secret) GoString() string { return hidden }

// LogValue is "[secret]".
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText gives "[secret]", for JSON and YAML.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

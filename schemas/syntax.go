package schemas

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFileBytes is the largest schema file that is read: a thousand columns take a quarter of it.
const maxFileBytes = 1 << 20

// parse reads the one YAML document of a file. Its mistakes are of the text as a whole; what the document says is looked at elsewhere.
func parse(content []byte) (*yaml.Node, *FileError) {
	if flaw := badText(content); flaw != nil {
		return nil, flaw
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if err == io.EOF {
		return nil, &FileError{Line: 1, Reason: "the file is empty: see the README of the schemas for what it must hold"}
	}
	if err == nil {
		err = decoder.Decode(&second)
	}
	switch err {
	case io.EOF:
		keepWithin(&document, lastLine(content))
		return document.Content[0], nil
	case nil:
		return nil, &FileError{Line: min(second.Line, lastLine(content)), Reason: "a second YAML document begins here: give each its own file"}
	}
	return nil, syntaxError(content, err)
}

// badText finds what no YAML file may hold, and the YAML library tells without a line.
func badText(content []byte) *FileError {
	if len(content) > maxFileBytes {
		return &FileError{Reason: "the file is larger than 1 MiB, which no schema needs: is it the right file?"}
	}
	for at := 0; at < len(content); {
		r, size := utf8.DecodeRune(content[at:])
		if r == utf8.RuneError && size == 1 {
			return &FileError{Line: lineAt(content, at), Reason: fmt.Sprintf("the byte 0x%02X is no UTF-8: save the file as UTF-8", content[at])}
		}
		if !printable(r) && (at > 0 || r != '\uFEFF') {
			return &FileError{Line: lineAt(content, at), Reason: fmt.Sprintf("the character U+%04X cannot stand in YAML: take it out, or write it as \"\\u%04X\"", r, r)}
		}
		at += size
	}
	return nil
}

// printable says whether YAML lets a character stand as itself (YAML 1.2, § 5.1). A byte order mark may only open the file.
func printable(r rune) bool {
	switch {
	case r == '\t' || r == '\n' || r == '\r' || r == 0x85:
		return true
	case r < 0x20 || r >= 0x7F && r < 0xA0:
		return false
	}
	return r != 0xFFFE && r != 0xFFFF && r != '\uFEFF'
}

// keepWithin mends the lines of nodes: for one without a text the library may give a line behind the file's last, and it
// counts characters as line ends (U+2028) that editors do not.
func keepWithin(node *yaml.Node, last int) {
	node.Line = min(node.Line, last)
	for _, child := range node.Content {
		keepWithin(child, last)
	}
}

// lastLine is the last line that has something on it.
func lastLine(content []byte) int { return lineAt(content, len(bytes.TrimRight(content, "\r\n"))) }

// lineAt is the line on which a byte stands, counted from 1.
func lineAt(content []byte, at int) int { return len(lineEnds(content[:at])) + 1 }

// lineEnds are the places after each line's end, be it \n, \r or \r\n.
func lineEnds(content []byte) []int {
	var ends []int
	for i, c := range content {
		if c == '\n' || c == '\r' && (i+1 == len(content) || content[i+1] != '\n') {
			ends = append(ends, i+1)
		}
	}
	return ends
}

var yamlMessage = regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`)

// syntaxError is the library's error with the line on which it was noticed.
func syntaxError(content []byte, err error) *FileError {
	line, message := splitMessage(err)
	// For a text whose quote is not closed the library gives the line of the quote, which is what helps.
	if message != "found unexpected end of stream" {
		line = lineOf(content, line, message)
	}
	advice := ""
	switch {
	case strings.Contains(message, "tab character"), strings.Contains(message, "cannot start any token"):
		advice = ": indent with spaces, not tabs, and put a text that begins with a sign between quotes"
	case strings.Contains(message, "mapping values are not allowed"):
		advice = ": keys of one level are indented alike, and a text with a colon in it stands between quotes"
	case strings.Contains(message, "could not find expected ':'"):
		advice = ": a key has a colon and a space behind it"
	case strings.Contains(message, "end of stream"):
		advice = ": a quote is not closed"
	case strings.Contains(message, "did not find expected"):
		advice = ": look at the indentation, and at brackets and commas, here and just above"
	}
	return &FileError{Line: line, Reason: "this is no YAML, " + oneLine(message) + advice}
}

// splitMessage takes a library's error apart; the line is 1 if it names none.
func splitMessage(err error) (line int, message string) {
	parts := yamlMessage.FindStringSubmatch(err.Error())
	if parts == nil {
		return 1, err.Error()
	}
	line, _ = strconv.Atoi(parts[1])
	return max(line, 1), parts[2]
}

// lineOf finds the line on which the library noticed an error. The one that it tells is where the list or mapping
// around it began, and one less for some errors. So the file is read again up to one line or another: the one looked for is the
// first with which the same error comes.
func lineOf(content []byte, from int, message string) int {
	ends := append(lineEnds(content), len(content))
	first := min(from, len(ends)) - 1
	return first + 1 + sort.Search(len(ends)-1-first, func(i int) bool {
		decoder := yaml.NewDecoder(bytes.NewReader(content[:ends[first+i]]))
		for {
			err := decoder.Decode(new(yaml.Node))
			if err == io.EOF {
				return false
			}
			if err != nil {
				_, same := splitMessage(err)
				return same == message
			}
		}
	})
}

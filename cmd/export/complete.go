package main

import (
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// The sorts of words that a shell is answered.
const (
	completeWords   = "words"
	completeFiles   = "files"
	completeFolders = "folders"
)

// completion is how a word may go on.
type completion struct {
	sort  string
	words []completed
}

// completed is one word, and what it means in a few others.
type completed struct{ text, meaning string }

// completing completes command lines of an application.
type completing struct{ app *kong.Application }

// complete says how the last of words, those after the program's name, may go on.
func (c completing) complete(words []string) completion {
	if len(words) == 0 {
		words = []string{""}
	}
	last := len(words) - 1
	node, given, pending, positional := c.walk(words[:last])
	typed := words[last]
	switch name, value, assigned := strings.Cut(typed, "="); {
	case pending != nil:
		return c.value(pending, "", strings.TrimPrefix(typed, "="), words)
	case assigned && strings.HasPrefix(typed, "--"):
		if flag := findFlag(node, name); flag != nil {
			return c.value(flag, name+"=", value, words)
		}
		return completion{sort: completeWords}
	case strings.HasPrefix(typed, "-"):
		return beginningWith(typed, flagWords(node, given))
	case len(node.Children) > 0:
		return beginningWith(typed, commandNames(node))
	case positional < len(node.Positional):
		return valueWords(node.Positional[positional], "", typed)
	case typed == "":
		return beginningWith(typed, flagWords(node, given))
	}
	return completion{sort: completeWords}
}

// walk follows the words that are typed already: to which command they lead, which flags are given, which one waits for
// its value, and how many arguments stand there.
func (c completing) walk(words []string) (node *kong.Node, given map[string]bool, pending *kong.Flag, positional int) {
	node, given = c.app.Node, map[string]bool{}
	for _, word := range words {
		name, _, assigned := strings.Cut(word, "=")
		switch {
		case pending != nil && word == "=": // bash splits there
		case pending != nil:
			pending = nil
		case strings.HasPrefix(word, "-"):
			flag := findFlag(node, name)
			if flag == nil {
				continue
			}
			given[flag.Name] = true
			if !assigned && !flag.IsBool() {
				pending = flag
			}
		default:
			if child := childNamed(node, word); child != nil {
				node = child
			} else {
				positional++
			}
		}
	}
	return node, given, pending, positional
}

func childNamed(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

func findFlag(node *kong.Node, name string) *kong.Flag {
	for _, group := range node.AllFlags(false) {
		for _, flag := range group {
			if "--"+flag.Name == name || (flag.Short != 0 && "-"+string(flag.Short) == name) {
				return flag
			}
		}
	}
	return nil
}

func commandNames(node *kong.Node) (words []completed) {
	for _, child := range node.Children {
		if !child.Hidden {
			words = append(words, completed{child.Name, brief(child.Help)})
		}
	}
	return words
}

// flagWords are the flags of a command, less those that are given and may stand there once.
func flagWords(node *kong.Node, given map[string]bool) (words []completed) {
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			if !given[flag.Name] || flag.IsCumulative() {
				words = append(words, completed{"--" + flag.Name, brief(flag.Help)})
			}
		}
	}
	return words
}

// value completes a flag's value; before stands before it in the same word.
func (c completing) value(flag *kong.Flag, before, typed string, words []string) completion {
	if _, is := flag.Target.Interface().(exportFlag); is {
		var names []completed
		for _, name := range c.exports(words) {
			names = append(names, completed{before + name, "an export of the configuration"})
		}
		return beginningWith(before+typed, names)
	}
	return valueWords(flag.Value, before, typed)
}

// valueWords completes a value by its kind: one of a few, a file, a folder.
func valueWords(value *kong.Value, before, typed string) completion {
	var words []completed
	if value.Enum != "" {
		for _, word := range value.EnumSlice() {
			words = append(words, completed{before + word, ""})
		}
		return beginningWith(before+typed, words)
	}
	placeholder := value.Name
	if value.Flag != nil {
		placeholder = value.Flag.PlaceHolder
	}
	switch placeholder = strings.ToUpper(placeholder); {
	case before != "": // the shell would put the file's name in the place of the flag's
	case strings.Contains(placeholder, "FILE"), placeholder == "LIST", strings.Contains(placeholder, "ANSWERS"):
		return completion{sort: completeFiles}
	case strings.Contains(placeholder, "FOLDER"):
		return completion{sort: completeFolders}
	}
	return completion{sort: completeWords}
}

// exports are the names of the exports in the configuration that the command line or the environment names.
func (c completing) exports(words []string) []string {
	name := os.Getenv("OMEGA_CONFIG")
	for i, word := range words {
		if value, is := strings.CutPrefix(word, "--config="); is {
			name = value
		} else if word == "--config" {
			rest := slices.DeleteFunc(slices.Clone(words[i+1:]), func(w string) bool { return w == "=" })
			name = append(rest, "")[0]
		}
	}
	if name == "" {
		return nil
	}
	file, err := readConfig(name, c.app)
	if err != nil {
		return nil
	}
	return file.Exports()
}

// beginningWith are the words that go on from what is typed.
func beginningWith(typed string, words []completed) completion {
	return completion{completeWords, slices.DeleteFunc(words, func(w completed) bool { return !strings.HasPrefix(w.text, typed) })}
}

// brief is the first sentence of a help text, without what a list of words has no room for.
func brief(help string) string {
	sentence, _, _ := strings.Cut(help, ". ")
	sentence, _, _ = strings.Cut(sentence, " (default")
	sentence = strings.TrimSuffix(strings.ReplaceAll(sentence, "\n", " "), ".")
	if letters := []rune(sentence); len(letters) > 80 {
		return string(letters[:79]) + "…"
	}
	return sentence
}

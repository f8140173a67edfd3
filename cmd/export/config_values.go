package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"omega-export/internal/config"
)

// configShape is what a configuration may hold: a key for each flag of each command.
func configShape(app *kong.Application) config.Shape {
	const secret = "a secret does not stand in the configuration: use OMEGA_CLIENT_SECRET or client-secret-file"
	shape := config.Shape{
		Commands: map[string]map[string]config.Key{},
		Exports:  map[string]config.Key{},
		Forbidden: map[string]string{
			"client-secret": secret, "client_secret": secret, "secret": secret, "password": secret, "token": secret,
			"export": "which export is meant is said with each command: --export NAME, or OMEGA_EXPORT",
			"config": "a configuration names no other: give --config, or OMEGA_CONFIG",
			"<<":     "merging is not read: a key at the top holds for all exports and commands",
		},
	}
	for _, command := range app.Leaves(false) {
		keys := map[string]config.Key{}
		for _, flag := range settable(command) {
			keys[flag.Name] = keyOf(flag)
		}
		if len(keys) == 0 {
			continue
		}
		shape.Commands[commandWords(command)] = keys
		if takesExport(command) {
			for name, key := range keys {
				shape.Exports[name] = key
			}
		}
	}
	return shape
}

// commandWords is a command as it is typed, as "schema infer".
func commandWords(command *kong.Node) string {
	if command.Parent == nil || command.Parent.Type == kong.ApplicationNode {
		return command.Name
	}
	return commandWords(command.Parent) + " " + command.Name
}

// settable are the flags of a command that a configuration may set: all but --export and those with the tag config:"-",
// whose name means something else to run.
func settable(command *kong.Node) []*kong.Flag {
	if command.Parent != nil && command.Parent.Name == "config" {
		return nil
	}
	var flags []*kong.Flag
	for _, flag := range command.Flags {
		if _, is := flag.Target.Interface().(exportFlag); !is && flag.Tag.Get("config") != "-" {
			flags = append(flags, flag)
		}
	}
	return flags
}

// takesExport says whether a command can be told an export.
func takesExport(command *kong.Node) bool {
	for _, flag := range command.Flags {
		if _, is := flag.Target.Interface().(exportFlag); is {
			return true
		}
	}
	return false
}

func keyOf(flag *kong.Flag) config.Key {
	key := config.Key{List: flag.IsSlice()}
	if _, is := flag.Target.Interface().([]otherSupplier); is {
		key.Fields = strings.Split(supplierKeys, ", ")
	}
	return key
}

// flagValue is a setting's value as the flag takes it, checked. The error is a *config.Problem.
func flagValue(flag *kong.Flag, setting *config.Setting) (any, error) {
	value, err := setting.Value(os.LookupEnv)
	if err != nil {
		return nil, err
	}
	plain, err := plainValue(setting.Key, value)
	if err == nil {
		err = checkValue(flag, plain, len(value.Variables) == 0)
	}
	if err == nil && flag.Required && value.IsList && len(value.Elements) == 0 {
		err = errors.New("at least one is wanted")
	}
	var located *config.Problem
	if errors.As(err, &located) {
		return nil, err
	}
	if err != nil {
		if len(value.Variables) > 0 {
			err = fmt.Errorf("%w (it is of ${%s})", err, strings.Join(value.Variables, "}, ${"))
		}
		return nil, &config.Problem{Line: setting.Line, Key: setting.Key, Text: err.Error()}
	}
	return plain, nil
}

// plainValue is a value as kong takes it: a text, or a list of texts, of which mappings are key=value pairs with commas between.
func plainValue(key string, value config.Value) (any, error) {
	if !value.IsList {
		return value.Elements[0].Text, nil
	}
	list := make([]any, len(value.Elements))
	for i, element := range value.Elements {
		if element.Fields == nil {
			list[i] = element.Text
			continue
		}
		var pairs []string
		for _, field := range element.Fields {
			if strings.Contains(field.Text, ",") {
				return nil, &config.Problem{Line: field.Line, Key: key, Text: field.Key + " takes a plain value without a comma"}
			}
			pairs = append(pairs, field.Key+"="+field.Text)
		}
		list[i] = strings.Join(pairs, ",")
	}
	return list, nil
}

// checkValue says whether a flag can take a value, without giving it to the flag. A value that must not be shown is not.
func checkValue(flag *kong.Flag, value any, show bool) error {
	target := reflect.New(flag.Target.Type()).Elem()
	if target.Kind() == reflect.Pointer {
		target.Set(reflect.New(target.Type().Elem()))
	}
	scan := kong.ScanFromTokens(kong.Token{Value: value, Type: kong.FlagValueToken})
	err := flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, target)
	text, _ := value.(string)
	if err == nil && flag.Enum != "" && !flag.EnumMap()[text] {
		err = errors.New("none of the values")
	}
	wanted := wantedKind(flag)
	switch {
	case err == nil:
		return nil
	case wanted == "" && show:
		return err
	case wanted == "":
		return errors.New("its value cannot be read")
	case show:
		return fmt.Errorf("%q is not %s", text, wanted)
	}
	return fmt.Errorf("its value is not %s", wanted)
}

// wantedKind is what a flag's value has to be, in words, or "" where its own error says it better.
func wantedKind(flag *kong.Flag) string {
	typ := flag.Target.Type()
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch {
	case flag.Enum != "":
		return "one of " + strings.Join(flag.EnumSlice(), ", ")
	case typ == reflect.TypeFor[time.Duration]():
		return "a duration as 90m or 8h"
	case isText(typ):
		return ""
	}
	switch typ.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number that is not negative"
	}
	return ""
}

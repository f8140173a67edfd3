package main

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"omega-export/internal/config"
)

// configSchemaCmd is the flags of `config schema`: none.
type configSchemaCmd struct{}

// Help is what `config schema --help` says beyond the flags.
func (*configSchemaCmd) Help() string {
	return `Prints the JSON Schema (draft 2020-12) of the configuration, with which an editor completes its keys and marks what cannot be. config check
says more: a schema knows neither the environment nor the files.

Example:
  omega-export config schema > omega-export.schema.json`
}

// Run prints the schema.
func (*configSchemaCmd) Run(app *kong.Kong, std streams) error {
	return printJSON(std.out, configSchema(app.Model))
}

// object is a JSON object.
type object = map[string]any

// configSchema is the JSON Schema of a configuration, made of the flags.
func configSchema(app *kong.Application) object {
	top, exported, sections := object{}, object{}, object{}
	for _, command := range runFirst(app.Leaves(true)) {
		keys := object{}
		for _, flag := range settable(command) {
			if flag.Hidden {
				continue
			}
			keys[flag.Name] = flagSchema(flag)
			if top[flag.Name] == nil {
				top[flag.Name] = keys[flag.Name]
			}
			if takesExport(command) && exported[flag.Name] == nil {
				exported[flag.Name] = keys[flag.Name]
			}
		}
		if len(keys) > 0 {
			putSection(sections, strings.Fields(commandWords(command)), command, keys)
		}
	}
	for name, section := range sections {
		if flag := top[name]; flag != nil { // state is both
			section = object{"anyOf": []any{flag, section}}
		}
		top[name] = section
	}
	top[config.ExportsKey] = object{
		"description":          "Exports by name, each with its settings over the common ones: run --export NAME.",
		"type":                 "object",
		"additionalProperties": closed(exported),
	}
	schema := closed(top)
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["$id"] = "urn:omega-export:configuration"
	schema["title"] = "omega-export.yaml"
	return schema
}

// putSection puts a command's keys under its words.
func putSection(in object, words []string, command *kong.Node, keys object) {
	if len(words) == 1 {
		section := closed(keys)
		section["description"] = "For " + commandWords(command) + " alone. " + command.Help
		in[words[0]] = section
		return
	}
	group, ok := in[words[0]].(object)
	if !ok {
		group = closed(object{})
		in[words[0]] = group
	}
	putSection(group["properties"].(object), words[1:], command, keys)
}

// closed is the schema of an object with these keys and no other.
func closed(properties object) object {
	return object{"type": "object", "properties": properties, "additionalProperties": false}
}

// flagSchema is the schema of one flag's value.
func flagSchema(flag *kong.Flag) object {
	schema := valueSchema(flag)
	schema["description"] = flag.Help
	if flag.HasDefault {
		schema["default"] = defaultValue(flag)
	}
	return schema
}

// orVariable is a value, or a text with a variable in it: what that one holds is not known here.
func orVariable(values ...any) object {
	return object{"anyOf": append(values, object{"type": "string", "pattern": `\$\{`})}
}

// durationPattern is what time.ParseDuration takes.
const durationPattern = `^[+-]?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`

func valueSchema(flag *kong.Flag) object {
	typ := flag.Target.Type()
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	plain := object{"type": []string{"string", "number", "boolean"}} // YAML reads 08 as a number; its text is what counts
	switch {
	case typ == reflect.TypeFor[[]otherSupplier]():
		fields := object{}
		for _, name := range strings.Split(supplierKeys, ", ") {
			fields[name] = object{"type": []string{"string", "number"}}
		}
		one := closed(fields)
		one["required"] = []string{"code-cdgf", "client-id"}
		return object{"type": "array", "items": object{"anyOf": []any{one, object{"type": "string"}}}}
	case typ.Kind() == reflect.Slice:
		return object{"anyOf": []any{object{"type": "array", "items": plain}, plain}}
	case flag.Enum != "":
		return orVariable(object{"enum": flag.EnumSlice()})
	case typ == reflect.TypeFor[time.Duration]():
		return orVariable(object{"type": "string", "pattern": durationPattern}, object{"const": 0})
	case typ == reflect.TypeFor[clockTime]():
		return orVariable(object{"type": "string", "pattern": `^([01]?[0-9]|2[0-3]):[0-5][0-9]$`})
	}
	switch typ.Kind() {
	case reflect.Bool:
		return orVariable(object{"type": "boolean"})
	case reflect.Int, reflect.Int64, reflect.Uint64:
		if !isText(typ) {
			return orVariable(object{"type": "integer"})
		}
	case reflect.Float64:
		return orVariable(object{"type": "number"})
	}
	return plain
}

// isText says whether a type is read from text by its own method.
func isText(typ reflect.Type) bool {
	return reflect.PointerTo(typ).Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]())
}

// defaultValue is a flag's default as JSON has it.
func defaultValue(flag *kong.Flag) any {
	switch typ := flag.Target.Type(); {
	case typ == reflect.TypeFor[time.Duration](), isText(typ):
		return flag.Default
	case slices.Contains([]reflect.Kind{reflect.Int, reflect.Int64, reflect.Uint64, reflect.Float64, reflect.Bool}, typ.Kind()):
		return reflect.Indirect(decoded(flag, flag.Default)).Interface()
	}
	return flag.Default
}

// decoded is a text as the flag reads it.
func decoded(flag *kong.Flag, text string) reflect.Value {
	target := reflect.New(flag.Target.Type())
	scan := kong.ScanFromTokens(kong.Token{Value: text, Type: kong.FlagValueToken})
	_ = flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, target.Elem())
	return target
}

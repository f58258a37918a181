package main

import (
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestEveryJSONIsDocumented proves that `forge help json` has a section for each command
// that takes --json, and in it each key of what that prints.
func TestEveryJSONIsDocumented(t *testing.T) {
	shapes := map[string]any{
		"new": jsonResult{}, "add": jsonChanged{}, "remove": jsonChanged{}, "rename": jsonChanged{}, "undo": jsonChanged{},
		"update": jsonUpdated{}, "status": status{}, "adopt": jsonAdopted{}, "doctor": diagnosis{}, "version": build{},
	}
	sections := make(map[string]string) // by command
	for _, section := range strings.Split(jsonTopic().Long, "\n\nforge ")[1:] {
		heading, text, _ := strings.Cut(section, "\n")
		for command := range strings.SplitSeq(heading, ", ") {
			sections[command] = text
		}
	}
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		command, _, _ := strings.Cut(strings.TrimPrefix(cmd.CommandPath(), "forge "), " ")
		if cmd.Flags().Lookup("json") != nil && (sections[command] == "" || shapes[command] == nil) {
			t.Errorf("%s takes --json, and `forge help json` has no section for it, or this test no shape", cmd.CommandPath())
		}
		for _, c := range cmd.Commands() {
			look(c)
		}
	}
	look(rootCommand(newTerminal(nil, io.Discard, io.Discard)))
	for command, shape := range shapes {
		for _, key := range keys(reflect.TypeOf(shape)) {
			if !regexp.MustCompile(`\b` + key + `\b`).MatchString(sections[command]) {
				t.Errorf("`forge help json` has no %q of forge %s", key, command)
			}
		}
	}
}

// keys are those of an object in JSON, and of what is in it.
func keys(shape reflect.Type) []string {
	switch shape.Kind() {
	case reflect.Slice, reflect.Pointer:
		return keys(shape.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	var all []string
	for field := range shape.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		all = append(append(all, name), keys(field.Type)...)
	}
	return all
}

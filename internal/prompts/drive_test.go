package prompts

import (
	"reflect"
	"runtime"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// unwrap runs a command. What bubbletea would run in parallel or in sequence
// comes back as a list of commands; a cursor's blinking, which waits, is left
// out.
func unwrap(cmd tea.Cmd) any {
	if strings.Contains(runtime.FuncForPC(reflect.ValueOf(cmd).Pointer()).Name(), "BlinkCmd") {
		return nil
	}
	msg := cmd()
	if v := reflect.ValueOf(msg); v.IsValid() && v.Type().ConvertibleTo(reflect.TypeFor[[]tea.Cmd]()) {
		return v.Convert(reflect.TypeFor[[]tea.Cmd]()).Interface()
	}
	return msg
}

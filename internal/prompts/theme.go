package prompts

import (
	"github.com/charmbracelet/huh"
	"github.com/charmbracelet/lipgloss"
)

// theme is plain: the terminal's own sixteen colours, which are readable on any
// background its user chose, and no boxes.
func theme() *huh.Theme {
	t := huh.ThemeBase()
	var (
		plain  = lipgloss.NewStyle()
		strong = plain.Bold(true)
		faint  = plain.Foreground(lipgloss.Color("8"))
		accent = plain.Foreground(lipgloss.Color("6"))
		wrong  = plain.Foreground(lipgloss.Color("1"))
	)
	t.FieldSeparator = plain.SetString("\n")
	t.Group.Title = strong
	t.Group.Description = faint

	f := &t.Focused
	f.Base = plain.PaddingLeft(1).BorderStyle(lipgloss.ThickBorder()).BorderLeft(true).BorderForeground(lipgloss.Color("6"))
	f.Title = accent
	f.ErrorIndicator = wrong.SetString("")
	f.ErrorMessage = wrong.SetString("✗")
	f.MultiSelectSelector = accent.SetString("> ")
	f.SelectedPrefix = accent.SetString("[x] ")
	f.UnselectedPrefix = faint.SetString("[ ] ")
	f.TextInput.Placeholder = faint
	f.TextInput.Cursor = accent

	t.Blurred = t.Focused
	t.Blurred.Base = f.Base.BorderStyle(lipgloss.HiddenBorder())
	t.Blurred.Title = plain
	t.Blurred.MultiSelectSelector = plain.SetString("  ")
	return t
}

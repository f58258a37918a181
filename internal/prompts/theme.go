package prompts

import (
	"github.com/charmbracelet/huh"
	"github.com/charmbracelet/lipgloss"
)

// styles are plain: the terminal's own sixteen colours, which are readable on
// any background its user chose, and no boxes. No colour alone has a
// meaning, for terminals without.
type styles struct{ plain, strong, faint, accent, wrong lipgloss.Style }

// newStyles returns the styles for the terminal that lipgloss draws for now.
func newStyles() styles {
	plain := lipgloss.NewStyle()
	return styles{
		plain:  plain,
		strong: plain.Bold(true),
		faint:  plain.Foreground(lipgloss.Color("8")),
		accent: plain.Foreground(lipgloss.Color("6")),
		wrong:  plain.Foreground(lipgloss.Color("1")),
	}
}

// theme has huh draw its fields in these styles.
func (s styles) theme() *huh.Theme {
	t := huh.ThemeBase()
	f := &t.Focused
	f.Base = s.plain.PaddingLeft(1).BorderStyle(lipgloss.ThickBorder()).BorderLeft(true).BorderForeground(lipgloss.Color("6"))
	f.Title = s.accent
	f.ErrorIndicator = s.plain.SetString("") // the error itself is below
	f.MultiSelectSelector = s.accent.SetString("> ")
	f.SelectedPrefix = s.accent.SetString("[x] ")
	f.UnselectedPrefix = s.faint.SetString("[ ] ")
	f.TextInput.Placeholder = s.faint
	f.TextInput.Cursor = s.accent

	t.Blurred = t.Focused
	t.Blurred.Base = f.Base.BorderStyle(lipgloss.HiddenBorder())
	t.Blurred.Title = s.plain
	t.Blurred.MultiSelectSelector = s.plain.SetString("  ")
	return t
}

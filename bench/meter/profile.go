package meter

import (
	"os"
	"path/filepath"
	"runtime/pprof"
)

// startProfile begins profiles of the CPU and of allocations, when they are
// asked for. Report ends them.
func (m *Meter) startProfile() {
	if m.profile == "" {
		return
	}
	cpu, err := os.Create(filepath.Join(m.profile, "cpu.pprof"))
	if err != nil || pprof.StartCPUProfile(cpu) != nil {
		return
	}
	m.stopProfile = func() {
		pprof.StopCPUProfile()
		_ = cpu.Close()
		if f, err := os.Create(filepath.Join(m.profile, "allocs.pprof")); err == nil {
			_ = pprof.Lookup("allocs").WriteTo(f, 0)
			_ = f.Close()
		}
	}
}

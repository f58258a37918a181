package service

import "github.com/KimMachineGun/automemlimit/memlimit"

// limitMemory has garbage collected more often as memory comes near 90 % of the
// container's limit, as GOMEMLIMIT does, which goes before it.
func limitMemory() { _, _ = memlimit.Set() } // without a limit, or off Linux, nothing changes

// Package meter measures one consumer from inside its process. The generated
// service gets a copy of it, so it imports the standard library only.
//
// What a handler does, and when the measurement ends, comes from the
// environment, because that is how a service is set up:
//
//	BENCH_MESSAGES   end after so many messages; 0 goes on until a signal
//	BENCH_SLEEP      what handling a message takes, as I/O would
//	BENCH_SLOW       the same on partition 0 alone, which then is not measured
//	BENCH_STUCK      handlers never return, and the process ends after this
//	BENCH_LATENCY    measure from the header's timestamp to the handler
//	BENCH_ONCE       count messages that are handled twice
//	BENCH_PROFILE    directory for a CPU profile and one of allocations
package meter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Figures are what one process measured, from its first message handled to
// its last.
type Figures struct {
	Messages int64         `json:"messages"`
	Elapsed  time.Duration `json:"elapsed"`
	CPU      time.Duration `json:"cpu"`     // user and system
	Mallocs  uint64        `json:"mallocs"` // allocations on the heap
	PeakKiB  int64         `json:"peakKiB"` // resident memory, since the process began
	Twice    int64         `json:"twice"`   // messages that were handled before
	P50      time.Duration `json:"p50"`
	P99      time.Duration `json:"p99"`
	Max      time.Duration `json:"max"`
}

// First is the line that a process prints when it handles its first message.
const First = "first"

// Meter is given every message that a consumer handles.
type Meter struct {
	want        int64
	sleep, slow time.Duration
	stuck       time.Duration
	latency     bool
	profile     string
	seen        []atomic.Uint32 // a bit for each message, nil when they are not told apart

	count       atomic.Int64
	twice       atomic.Int64
	begin, end  atomic.Pointer[point]
	stopProfile func()

	mu    sync.Mutex
	times []time.Duration
}

// point is what the process had used up at one moment.
type point struct {
	at      time.Time
	cpu     time.Duration
	mallocs uint64
}

// New returns a meter as the environment asks for it.
func New() *Meter {
	want, _ := strconv.ParseInt(os.Getenv("BENCH_MESSAGES"), 10, 64)
	var seen []atomic.Uint32
	if os.Getenv("BENCH_ONCE") != "" {
		seen = make([]atomic.Uint32, want/32+1)
	}
	return &Meter{
		seen:    seen,
		want:    want,
		sleep:   duration("BENCH_SLEEP"),
		slow:    duration("BENCH_SLOW"),
		stuck:   duration("BENCH_STUCK"),
		latency: os.Getenv("BENCH_LATENCY") != "",
		profile: os.Getenv("BENCH_PROFILE"),
	}
}

func duration(name string) time.Duration {
	d, _ := time.ParseDuration(os.Getenv(name))
	return d
}

// Handle is the handler of every contender. Value is the message's, of which
// it reads the timestamp when latency is measured.
func (m *Meter) Handle(partition int32, value []byte) {
	arrived := time.Time{}
	if m.latency {
		arrived = time.Now()
	}
	n := m.count.Add(1)
	if n == 1 {
		m.first()
	}
	if m.seen != nil && !m.isFirst(value) {
		m.twice.Add(1)
	}
	if m.stuck > 0 {
		select {}
	}
	if m.latency && (m.slow == 0 || partition != 0) {
		m.took(arrived, value)
	}
	switch {
	case m.slow > 0 && partition == 0:
		time.Sleep(m.slow)
	case m.sleep > 0:
		time.Sleep(m.sleep)
	}
	if n == m.want {
		m.last()
	}
}

// first begins the measurement.
func (m *Meter) first() {
	m.startProfile()
	m.begin.Store(now())
	if m.latency {
		fmt.Println(First)
	}
	if m.stuck > 0 {
		time.AfterFunc(m.stuck, func() {
			m.Report()
			os.Exit(0)
		})
	}
}

// last ends the measurement, and the process as an orchestrator would.
func (m *Meter) last() {
	m.end.Store(now())
	_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
}

// warmUp is how long latencies are not noted after the first message: the
// group is being joined, and code is cold.
const warmUp = time.Second

var stamp = []byte(`"timestamp":"`)

func (m *Meter) took(arrived time.Time, value []byte) {
	begin := m.begin.Load()
	at := bytes.Index(value, stamp)
	if begin == nil || arrived.Sub(begin.at) < warmUp || at < 0 {
		return
	}
	text := value[at+len(stamp):]
	sent, err := time.Parse(time.RFC3339Nano, string(text[:bytes.IndexByte(text, '"')]))
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.times = append(m.times, arrived.Sub(sent))
}

var number = []byte(`"id":"pay-`)

// isFirst notes a message, and reports whether it was not handled before. Messages are
// numbered from 1.
func (m *Meter) isFirst(value []byte) bool {
	at := bytes.Index(value, number) + len(number)
	n, err := strconv.ParseUint(string(value[at:at+8]), 16, 32)
	bit := uint32(1) << (n % 32)
	return err == nil && n/32 < uint64(len(m.seen)) && m.seen[n/32].Or(bit)&bit == 0
}

func now() *point {
	var use syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &use)
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return &point{time.Now(), time.Duration(use.Utime.Nano() + use.Stime.Nano()), memory.Mallocs}
}

// Report prints the figures as a line of JSON.
func (m *Meter) Report() {
	if m.stopProfile != nil {
		m.stopProfile()
	}
	m.end.CompareAndSwap(nil, now())
	begin, end := m.begin.Load(), m.end.Load()
	f := Figures{Messages: m.count.Load(), PeakKiB: peak(), Twice: m.twice.Load()}
	if begin != nil {
		f.Elapsed, f.CPU, f.Mallocs = end.at.Sub(begin.at), end.cpu-begin.cpu, end.mallocs-begin.mallocs
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.Sort(m.times); len(m.times) > 0 {
		f.P50, f.P99 = m.times[len(m.times)/2], m.times[len(m.times)*99/100]
		f.Max = m.times[len(m.times)-1]
	}
	_ = json.NewEncoder(os.Stdout).Encode(f)
}

// peak returns the most memory that the process had resident, in KiB. The
// system's rusage would say more when the parent process was larger.
func peak() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n
		}
	}
	return 0
}

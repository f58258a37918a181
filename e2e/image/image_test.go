// Package image builds the image of a service as forge writes it, and runs it as a
// cluster would: without root, capabilities and a shell, on a file system that is only
// read. It works on a real Kafka, with the settings of the service's own compose.yaml.
package image

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/e2e/generated"
	"github.com/ouroboros-forge/forge/e2e/outside"
)

func TestMain(m *testing.M) { os.Exit(generated.Main(m)) }

// What an image may be and take.
const (
	largest      = 25e6 // bytes
	largestOfAll = 28e6 // with every extra: the libraries of Avro and OpenTelemetry have 6e6
	ready        = time.Second
	resident     = 30 << 10 // KiB
)

// patience is what anything may take that has no limit of its own.
const patience = 2 * time.Minute

// TestImage proves that the image is small and has no shell, and that a service in it is
// ready soon, takes little memory, answers who asks after its health, handles messages,
// and loses none and repeats none when it is told to end in the middle.
func TestImage(t *testing.T) {
	bases(t)
	dir := generated.Project(t, generated.AnswerSet{Name: "default"})
	docker(t, "build", "--tag", image, dir)
	t.Run("is small", func(t *testing.T) { small(t, sizeOf(t, image), largest) })
	t.Run("has no shell", noShell)
	samples, err := outside.LoadSamples(dir)
	if err != nil {
		t.Fatal(err)
	}
	k := startKafka(t, readCompose(t, dir))
	k.createTopics(t, outside.Topics(samples)...)

	first := k.startService(t)
	first.awaitReady()
	t.Run("is idle in little memory", first.isSmall)
	t.Run("has no rights", first.hasNoRights)
	stopSending := k.sendOn(t, samples)
	awaitLog(t, first.container, handled, 1000)
	t.Run("ends in order", first.terminate)
	sent := stopSending()
	second := k.startService(t)
	k.check(t, sent)
	t.Run("ends in order again", second.terminate)

	before, after, want := first.handled(), second.handled(), 0
	for _, s := range sent {
		if s.Expect == outside.Handled {
			want++
		}
	}
	if t.Logf("%d messages, of which one container handled %d, and the next %d", len(sent), before, after); before+after != want {
		t.Errorf("%d and %d were handled, want %d together", before, after, want)
	}
	t.Run("is ready soon", k.isReadySoon)
}

// TestEveryExtraFits proves it of the program, which is all of an image but its base.
func TestEveryExtraFits(t *testing.T) {
	bases(t)
	every := slices.IndexFunc(generated.Sets, func(s generated.AnswerSet) bool { return s.Name == "everything" })
	dir := generated.Project(t, generated.Sets[every])
	text, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "service")
	compile := regexp.MustCompile(`(?ms)^RUN (CGO_ENABLED=0 go build .*?) -o /service \.$`).FindSubmatch(text)
	base := regexp.MustCompile(`(?m)^FROM (\S+)$`).FindSubmatch(text)
	if compile == nil || base == nil {
		t.Fatalf("the Dockerfile compiles nothing, or begins with nothing:\n%s", text)
	}
	generated.Do(t, dir, "sh", "-ec", string(compile[1])+" -o "+program+" .")
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	small(t, sizeOf(t, string(base[1]))+info.Size(), largestOfAll)
}

func sizeOf(t *testing.T, image string) int64 {
	t.Helper()
	size, err := strconv.ParseInt(inspect(t, image, "{{.Size}}"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return size
}

func small(t *testing.T, size, most int64) {
	t.Helper()
	if t.Logf("the image has %.1f MB", float64(size)/1e6); size > most {
		t.Errorf("%d bytes are more than %d", size, most)
	}
}

// noShell looks for what can be run in the image: there is the service alone.
func noShell(t *testing.T) {
	container, file := docker(t, "create", image), filepath.Join(t.TempDir(), "image.tar")
	docker(t, "export", "--output", file, container)
	docker(t, "rm", container)
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var programs []string
	for files := tar.NewReader(f); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		magic := make([]byte, 4)
		if _, err := io.ReadFull(files, magic); err == nil && string(magic) == "\x7fELF" {
			programs = append(programs, header.Name)
		}
	}
	if !slices.Equal(programs, []string{"service"}) {
		t.Errorf("programs in the image: %q", programs)
	}
}

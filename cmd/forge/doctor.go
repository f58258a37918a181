package main

import (
	"context"
	"fmt"
	"go/version"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/mod/modfile"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/update"
)

func doctorCommand(t terminal) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check what a service needs here",
		Long: `doctor checks what the service that the working directory is in needs to run here:
Go, the module, forge's record, the names in .env, the settings that are required,
brokers that answer, the topics there, also those that your code registers elsewhere,
and ports that are free. It changes nothing, and creates no topic. Exit code 3 says
that something is to be done.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := openSite(t)
			if s == nil {
				return err
			}
			return s.examine(cmd.Context(), err).print(t, asJSON)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// diagnosis is what doctor found; also its form for programs.
type diagnosis struct {
	Project string  `json:"project"` // absolute
	OK      bool    `json:"ok"`      // nothing is to be done
	Checks  []check `json:"checks"`
}

// check is one thing that was looked at. No value of a setting is in it but
// addresses of brokers and ports.
type check struct {
	Name string `json:"name"` // go, module, record, conflict, settings, broker, topic, port
	OK   bool   `json:"ok"`
	Text string `json:"text"`           // what is so
	Todo string `json:"todo,omitempty"` // what to do, if anything
}

func fine(name, format string, args ...any) check {
	return check{Name: name, OK: true, Text: fmt.Sprintf(format, args...)}
}

func wrong(name, todo, format string, args ...any) check {
	return check{Name: name, Text: fmt.Sprintf(format, args...), Todo: todo}
}

// examine looks at everything; recordErr is why the record cannot be read, if so.
func (s *site) examine(ctx context.Context, recordErr error) *diagnosis {
	d := &diagnosis{Project: s.root}
	d.Checks = append(d.Checks, s.checkModule(ctx, recordErr == nil)...)
	d.Checks = append(d.Checks, s.checkRecord(recordErr))
	d.Checks = append(d.Checks, s.checkConflicts()...)
	dotEnv, err := readDotEnv(filepath.Join(s.root, ".env"))
	if err != nil {
		d.Checks = append(d.Checks, wrong("settings", "make it readable", ".env cannot be read: %v", err))
	} else {
		d.Checks = append(d.Checks, s.checkNames(dotEnv)...)
	}
	d.Checks = append(d.Checks, s.checkBrokers(ctx, dotEnv)...)
	d.Checks = append(d.Checks, checkPort(ctx, dotEnv, "OPS_ADDR", ":8080"))
	if s.record.Answers.Has("http") {
		d.Checks = append(d.Checks, checkPort(ctx, dotEnv, "HTTP_ADDR", ":8081"))
	}
	d.OK = !slices.ContainsFunc(d.Checks, func(c check) bool { return !c.OK })
	return d
}

// checkModule compares go.mod with the go command and with the record.
func (s *site) checkModule(ctx context.Context, hasRecord bool) []check {
	data, err := os.ReadFile(filepath.Join(s.root, "go.mod"))
	if err != nil {
		return []check{wrong("module", "take it from version control", "go.mod cannot be read: %v", err)}
	}
	mod, err := modfile.ParseLax("go.mod", data, nil)
	if err != nil || mod.Module == nil {
		return []check{wrong("module", "put it right; `go mod edit -print` shows what Go reads", "go.mod is not right: %v", err)}
	}
	module := fine("module", "%s", mod.Module.Mod.Path)
	if want := s.record.Answers.Module; hasRecord && mod.Module.Mod.Path != want {
		module = wrong("module", "give go.mod that name again: forge writes imports of it", "is %s in go.mod, and %s in %s", mod.Module.Mod.Path, want, project.Path)
	}
	needed := "go1.21"
	if mod.Go != nil {
		needed = "go" + mod.Go.Version
	}
	return []check{checkGoFor(ctx, needed), module}
}

// checkGoFor asks outside the project: inside, go would fetch what go.mod asks for.
func checkGoFor(ctx context.Context, needed string) check {
	const install = "install Go from https://go.dev/dl"
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION", "GOTOOLCHAIN")
	cmd.Dir = os.TempDir()
	out, err := cmd.Output()
	if err != nil {
		return wrong("go", install, "the go command does not work: %v", explained(err))
	}
	have, toolchain, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	have, _, _ = strings.Cut(have, " ") // experiments follow
	switch {
	case !version.IsValid(have), version.Compare(have, needed) >= 0:
		return fine("go", "%s, go.mod asks for %s", have, needed)
	case version.Compare(have, firstSwitching) >= 0 && toolchain != "local":
		return fine("go", "%s, which fetches %s for go.mod", have, needed)
	}
	return wrong("go", install, "%s, go.mod asks for %s", have, needed)
}

// checkRecord says whether the record reads, and whether its files are there.
func (s *site) checkRecord(recordErr error) check {
	if recordErr != nil {
		return wrong("record", "take it from version control, or use the forge that it names; where it is lost, `forge adopt` makes it anew", "%v", recordErr)
	}
	var gone []string
	for _, f := range s.record.Files {
		if state, err := s.state(f); f.Owner == project.Managed && (err != nil || state == deleted) {
			gone = append(gone, f.Path)
		}
	}
	if len(gone) > 0 {
		return wrong("record", "take them from version control, if they are missed", "%s not there: %s", isOrAre(len(gone), "file"), strings.Join(gone, ", "))
	}
	return fine("record", "%s, by forge %s", count(len(s.record.Files), "file"), s.record.Forge)
}

// checkConflicts names what the last change has left to the user.
func (s *site) checkConflicts() (checks []check) {
	left, err := update.Input{Record: s.record, Disk: s.disk, Beside: s.beside()}.Left()
	if err != nil {
		checks = append(checks, wrong("conflict", readHint(err, "see what is there"), "whether one is left cannot be told: %v", err))
	}
	for _, c := range left {
		checks = append(checks, wrong("conflict", "put it right", "%v", c))
	}
	return checks
}

// dialTime is for all brokers, which are asked at once.
const dialTime = 3 * time.Second

// checkBrokers opens a connection to each broker and asks it as its source is asked. Of
// what the brokers say of topics, the first's counts.
func (s *site) checkBrokers(ctx context.Context, dotEnv []variable) []check {
	name, _ := answers.SettingsOf(s.record.Answers.Source)
	list := setting(dotEnv, name)
	switch {
	case list == "" && setting(dotEnv, name+"_FILE") != "":
		return []check{fine("broker", "not asked: its address is in the file that %s_FILE names", name)}
	case strings.Contains(list, "amqps://") || strings.Contains(list, "tls://"):
		return []check{fine("broker", "not asked: connections to it are encrypted")}
	case list == "":
		return []check{wrong("broker", "set it in .env, unless a YAML file has it; .env.example shows how", "%s is set neither in .env nor in the environment", name)}
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	ask, whyNot := inquiries[s.record.Answers.Source].of(s, dotEnv)
	brokers := answers.BrokersOf(s.record.Answers.Source, list)
	found, topics := make([]check, len(brokers)), make([][]check, len(brokers))
	var wg sync.WaitGroup
	for i, broker := range brokers {
		wg.Go(func() { found[i], topics[i] = s.checkBroker(ctx, broker, ask) })
	}
	wg.Wait()
	checks := slices.Clone(found)
	if whyNot != "" {
		return append(checks, fine("topic", "not asked: %s; the service checks them when it starts", whyNot))
	}
	if i := slices.IndexFunc(topics, func(found []check) bool { return len(found) > 0 }); i >= 0 {
		checks = append(checks, topics[i]...)
	}
	return checks
}

// asker asks a broker whether it is one of its source, and for the service's topics where
// the service does not make them itself.
type asker func(ctx context.Context, conn net.Conn) ([]kmsg.MetadataResponseTopic, error)

// inquiry is how the brokers of a source are asked.
type inquiry struct {
	of         func(*site, []variable) (ask asker, whyNot string) // whyNot says why topics are not asked for
	todo       string                                             // when something else answers
	isEmbedded bool                                               // `make dev` has a broker of its own
}

var (
	ofKafka   = inquiry{inquireTopics, "is it the right port, and does it want KAFKA_SECURITY_PROTOCOL?", true}
	inquiries = map[string]inquiry{
		answers.Kafka:      ofKafka,
		answers.KafkaShare: ofKafka,
		answers.JetStream:  {greeting{begins: "INFO "}.inquire, "is it the right port?", true},                                        // NATS' client protocol
		answers.RabbitMQ:   {greeting{hello: "AMQP\x00\x00\x09\x01", begins: "\x01\x00\x00"}.inquire, "is it the right port?", false}, // AMQP 0-9-1: a method frame on channel 0
	}
)

func (s *site) checkBroker(ctx context.Context, address string, ask asker) (broker check, topics []check) {
	name, _ := answers.SettingsOf(s.record.Answers.Source)
	inquiry := inquiries[s.record.Answers.Source]
	if _, _, err := net.SplitHostPort(address); err != nil || strings.ContainsAny(address, "@/") { // a password may be in it
		return wrong("broker", "write host:port, several separated by commas", "%s has something that is not host:port", name), nil
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		todo := "start it, or set " + name + " in .env"
		if s.record.Answers.Has("docker") {
			todo = "start it (`make up` starts one), or set " + name + " in .env"
		}
		if inquiry.isEmbedded {
			todo += "; `make dev` needs none"
		}
		return wrong("broker", todo, "%s does not answer: %v", address, err), nil
	}
	defer func() { _ = conn.Close() }()
	found, err := ask(ctx, conn)
	if err != nil {
		return wrong("broker", inquiry.todo, "%s %v", address, err), nil
	}
	return fine("broker", "%s answers", address), checkTopics(address, found)
}

// checkPort listens where the service would.
func checkPort(ctx context.Context, dotEnv []variable, name, otherwise string) check {
	address := setting(dotEnv, name)
	if address == "" {
		address = otherwise
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return wrong("port", "end what listens there, or set "+name+" in .env", "%s cannot be listened on: %v", name, err)
	}
	_ = listener.Close() // nobody has connected
	return fine("port", "%s %s is free", name, address)
}

func (d *diagnosis) print(t terminal, asJSON bool) error {
	var err error
	if asJSON {
		err = printJSON(t, d)
	} else {
		_, err = fmt.Fprint(t.stdout, d.text(t))
	}
	if err == nil && !d.OK {
		err = &failure{code: exitLeft, err: fmt.Errorf("something is to be done in %s", d.Project)}
	}
	return err
}

// text has a line for each check, and one for what to do about it.
func (d *diagnosis) text(t terminal) string {
	var b strings.Builder
	fmt.Fprintln(&b, t.style(bold, filepath.Base(d.Project)))
	for _, c := range d.Checks {
		mark := "ok"
		if !c.OK {
			mark = "!!"
		}
		fmt.Fprintf(&b, "  %s  %-8s  %s\n", mark, c.Name, c.Text)
		if c.Todo != "" {
			fmt.Fprintf(&b, "                %s\n", c.Todo)
		}
	}
	return b.String()
}

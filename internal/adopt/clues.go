package adopt

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/merge"
	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/render"
)

// clues are the answers that the files hint at, the likeliest first.
type clues struct {
	modules, names, groups []string
	brokers                []string
	source                 string
	topics                 []string
	registered             []string // those that package handlers registers
	schemas                map[string]answers.Schema
	recorded               *answers.Answers // those of a record of which the rest is damaged

	guessed []string // answers that no setting says

	looked []string // what was looked for, and found or not
	disk   files
}

// clues reads what the files say of the answers.
func (in Input) clues() (clues, error) {
	c := clues{disk: files{in.Disk}, schemas: make(map[string]answers.Schema)}
	if p, err := project.Head(in.Damaged); err == nil && p.Answers.Validate() == nil {
		c.recorded = &p.Answers
	}
	mod, err := modfile.ParseLax("go.mod", c.disk.text("go.mod"), nil)
	if err != nil || mod.Module == nil {
		c.looked = append(c.looked, "go.mod is not there, or names no module")
		return c, &NotServiceError{c.looked}
	}
	c.modules = append(c.modules, mod.Module.Mod.Path)
	c.looked = append(c.looked, "go.mod is there, of the module "+mod.Module.Mod.Path)
	c.readGoFiles(in.Disk.GoFiles())
	if c.topics = c.disk.written(c.topics); len(c.topics) == 0 && c.recorded == nil {
		c.looked = append(c.looked, "no message.Register, with a topic that has its file in handlers/ or models/, is in any Go file")
		return c, &NotServiceError{c.looked}
	}
	c.looked = append(c.looked, "the topics are "+strings.Join(c.topics, ", "))
	c.readNames(in.Dir)
	c.readSettings()
	for _, topic := range c.topics {
		name := "models/" + answers.NamesOf(topic).File + ".avsc"
		if text := c.disk.text(name); len(text) > 0 {
			c.schemas[topic] = answers.Schema{File: name, Text: string(text)}
		}
	}
	return c, nil
}

// messages is the package that topics are registered with.
const messages = "/internal/message"

// readGoFiles finds the topics that are registered, and then those that models say
// they are published to.
func (c *clues) readGoFiles(names []string) {
	var published []string
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, c.disk.text(name), parser.SkipObjectResolution)
		if err != nil {
			continue // the compiler says so
		}
		local := c.messageName(file)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				found := registered(n, local)
				c.topics = append(c.topics, found...)
				if path.Dir(name) == "handlers" {
					c.registered = append(c.registered, found...)
				}
			case *ast.FuncDecl:
				if path.Dir(name) == "models" && n.Recv != nil && n.Name.Name == "Topic" {
					published = append(published, texts(n.Body)...)
				}
			}
			return true
		})
	}
	c.topics = append(c.topics, published...)
}

// Registered are the topics that a Go file registers by name: what only has a name in it,
// such as cmp.Or(os.Getenv("TOPIC"), "orders"), is none.
func Registered(name string, src []byte) (topics []string) {
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil // the compiler says so
	}
	local := new(clues).messageName(file)
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && local != "" {
			for _, topic := range registered(call, local) {
				if _, isName := call.Args[1].(*ast.BasicLit); isName {
					topics = append(topics, topic)
				}
			}
		}
		return true
	})
	return topics
}

// messageName is what a file calls the package message, "" if it does not import it.
func (c *clues) messageName(file *ast.File) string {
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value) // the parser has read it
		module, ok := strings.CutSuffix(imported, messages)
		if !ok {
			continue
		}
		c.modules = appendNew(c.modules, module)
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(messages)
	}
	return ""
}

// registered is the topic of a call such as message.Register(r, "orders", …).
func registered(call *ast.CallExpr, local string) []string {
	fn, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) < 2 {
		return nil
	}
	pkg, ok := fn.X.(*ast.Ident)
	if !ok || pkg.Name != local || !strings.HasPrefix(fn.Sel.Name, "Register") && fn.Sel.Name != "Scoped" {
		return nil
	}
	return texts(call.Args[1])
}

// texts are the strings in a part of a file.
func texts(n ast.Node) []string {
	var all []string
	ast.Inspect(n, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, _ := strconv.Unquote(lit.Value) // as above
			all = append(all, text)
		}
		return true
	})
	return all
}

// names are where files say the service's name; all are the user's but the last two.
var names = []struct {
	file string
	at   *regexp.Regexp
}{
	{"main.go", regexp.MustCompile(`service\.Main\("([^"]+)"`)},
	{"dev/main.go", regexp.MustCompile(`dev\.Main\("([^"]+)"`)},
	{"README.md", regexp.MustCompile(`(?m)^# (.+)$`)},
	{"docs/operating.md", regexp.MustCompile(`(?m)^# Operating (.+)$`)},
	{"Makefile", regexp.MustCompile(`bin/([A-Za-z0-9._-]+)`)},
}

func (c *clues) readNames(dir string) {
	add := func(name string) {
		if answers.CheckName(name) == nil {
			c.names = appendNew(c.names, name)
		}
	}
	add(c.disk.setting("SERVICE_NAME"))
	for _, n := range names {
		if found := n.at.FindSubmatch(c.disk.text(n.file)); found != nil {
			add(string(found[1]))
		}
	}
	add(dir)
	add("service") // nothing says a name
}

func (c *clues) readSettings() {
	var brokers, group string
	sources := c.disk.sources()
	for _, source := range slices.Backward(sources) { // the first has the last word
		inBrokers, inGroup := answers.SettingsOf(source)
		if text := c.disk.setting(inBrokers); text != "" || source == sources[0] && c.source == "" {
			c.source, brokers, group = source, text, c.disk.setting(inGroup)
		}
	}
	if answers.CheckGroup(group) != nil {
		c.guessed = append(c.guessed, answers.Group)
	}
	for _, group := range append([]string{group}, c.names...) {
		if answers.CheckGroup(group) == nil {
			c.groups = appendNew(c.groups, group)
		}
	}
	c.brokers = answers.BrokersOf(c.source, brokers)
	if answers.CheckBrokers(c.brokers) != nil {
		c.brokers = answers.BrokersFor(c.source, answers.Defaults("x").Brokers)
		c.guessed = append(c.guessed, answers.Brokers)
	}
}

func appendNew(all []string, one string) []string {
	if slices.Contains(all, one) {
		return all
	}
	return append(all, one)
}

// files are those of the project.
type files struct{ disk plan.Disk }

// text is a file's content, nothing if it cannot be read.
func (d files) text(name string) []byte {
	f, err := d.disk.File(name)
	if err != nil || !f.Mode.IsRegular() {
		return nil
	}
	return f.Content
}

// setting is what .env.example says, or else .env.
func (d files) setting(name string) string {
	for _, file := range []string{".env.example", ".env"} {
		for line := range strings.Lines(string(d.text(file))) {
			if value, ok := strings.CutPrefix(line, name+"="); ok {
				return answers.EnvUnquote(value)
			}
		}
	}
	return ""
}

// sources are those whose package is there, or all: a service that was moved from one to
// another may have settings of both.
func (d files) sources() []string {
	there := slices.DeleteFunc(answers.Sources(), func(source string) bool {
		dir, _, _ := strings.Cut(source, "-") // kafka-share is in internal/kafka
		return !slices.ContainsFunc(d.disk.Files(), func(name string) bool { return strings.HasPrefix(name, "internal/"+dir+"/") })
	})
	if len(there) == 0 {
		return answers.Sources()
	}
	return there
}

// written are the topics that have a file which forge would have written.
func (d files) written(topics []string) []string {
	var all []string
	for _, topic := range topics {
		if answers.CheckTopics(appendNew(slices.Clone(all), topic)) != nil {
			continue
		}
		file := answers.NamesOf(topic).File
		if len(d.text("handlers/"+file+".go"))+len(d.text("models/"+file+".go"))+len(d.text("dev/samples/"+file+".json")) > 0 {
			all = appendNew(all, topic)
		}
	}
	return all
}

// compare compares a file with what is rendered.
func (d files) compare(rendered render.File) File {
	f := File{Path: rendered.Path, State: Missing}
	disk, err := d.disk.File(rendered.Path)
	switch {
	case err != nil:
	case !disk.Mode.IsRegular():
		f.State = Edited
	case bytes.Equal(disk.Content, merge.LikeLines(disk.Content, rendered.Content)):
		f.State, f.Like = Same, 1
	default:
		f.State, f.Like = Edited, min(merge.Similarity(disk.Content, merge.LikeLines(disk.Content, rendered.Content)), 0.999)
	}
	return f
}

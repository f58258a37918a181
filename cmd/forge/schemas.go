package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/model"
	"github.com/ouroboros-forge/forge/internal/render"
)

// schemaFlag is --schema TOPIC=FILE, any number of times.
type schemaFlag []string

func (f *schemaFlag) String() string     { return strings.Join(*f, " ") }
func (f *schemaFlag) Set(s string) error { *f = append(*f, s); return nil }
func (f *schemaFlag) Type() string       { return "topic=file" }

const schemaHint = "--schema takes a topic and a file, as in --schema orders=order.avsc, or - for stdin"

const onceHint = "give all but one of them as files"

// readsStdin reports whether a schema is read from stdin.
func (f *schemaFlag) readsStdin() bool {
	return slices.ContainsFunc(*f, func(s string) bool { return strings.HasSuffix(s, "="+model.Stdin) })
}

// readSchemas reads the schemas that flags and the answers file name, those of
// the flags first, into a. It returns their topics in that order.
func (f *answerFlags) readSchemas(a *answers.Answers, stdin io.Reader) (topics []string, err error) {
	schemas := make(map[string]answers.Schema)
	for _, flag := range f.schemas {
		topic, file, ok := strings.Cut(flag, "=")
		switch {
		case !ok || topic == "" || file == "":
			return nil, usage(schemaHint, "schema: %q is not TOPIC=FILE", flag)
		case slices.Contains(topics, topic):
			return nil, usage(schemaHint, "schema: the topic %q is given twice", topic)
		}
		topics = append(topics, topic)
		schemas[topic] = answers.Schema{File: file}
	}
	for _, topic := range a.SchemaTopics() {
		if !slices.Contains(topics, topic) {
			topics = append(topics, topic)
			schemas[topic] = a.Schemas[topic]
		}
	}
	if err := f.checkStdin(topics, schemas, stdin); err != nil {
		return nil, err
	}
	var problems []error
	for _, topic := range topics {
		s := schemas[topic]
		if err := complete(&s, a.Has(answers.Avro), stdin); err != nil {
			problems = append(problems, err)
		}
		schemas[topic] = s
	}
	if len(topics) > 0 {
		a.Schemas = schemas
	}
	return topics, errors.Join(problems...)
}

// checkStdin refuses what two would read from stdin, and a person at a terminal,
// who would not know why nothing happens.
func (f *answerFlags) checkStdin(topics []string, schemas map[string]answers.Schema, stdin io.Reader) error {
	readers := slices.DeleteFunc(slices.Clone(topics), func(topic string) bool {
		return schemas[topic].File != model.Stdin || schemas[topic].Text != ""
	})
	switch {
	case len(readers) == 0:
		return nil
	case len(readers) > 1:
		return usage(onceHint, "schema: stdin can be read once, and the schemas of %s would all be read from it", strings.Join(readers, " and "))
	case f.file == model.Stdin:
		return usage(onceHint, "schema: stdin can be read once, and --answers and a schema would both be read from it")
	case isTerminal(stdin):
		return usage("as in forge new shop --schema "+readers[0]+"=- < order.json", "schema: the schema of %s is to be read from stdin, which is a terminal", readers[0])
	}
	return nil
}

// complete reads a schema that is not read yet, with the files that it refers to, and
// tries it.
func complete(s *answers.Schema, avro bool, stdin io.Reader) (err error) {
	if s.Text != "" {
		_, err = render.ReadSchema(*s, avro, nil)
		return err
	}
	if s.Text, err = readSchema(s.File, stdin); err != nil {
		return err
	}
	files, size := make(map[string]string), 0
	beside := func(path string) (string, error) {
		text, err := readBeside(s.File, path)
		if err != nil {
			return "", err
		}
		files[path] = text
		if size += len(text); size > mostBeside {
			return "", fmt.Errorf("the schema refers to files of more than %d bytes together", mostBeside)
		}
		return text, nil
	}
	if _, err := render.ReadSchema(*s, avro, beside); err != nil {
		return err
	}
	if len(files) > 0 {
		s.Files = files
	}
	return nil
}

// mostBeside is as many bytes as the files may have that a schema refers to: the
// project's record keeps them.
const mostBeside = 4 * maxFile

// readSchema returns what is in a file, or on stdin.
func readSchema(file string, stdin io.Reader) (string, error) {
	problem := func(hint, reason string) error {
		return &answers.Problem{Question: answers.Schemas, Reason: reason, Hint: hint}
	}
	name := file
	if file == model.Stdin {
		name = "stdin"
	} else {
		in, err := openFile(file)
		if err != nil {
			return "", problem(schemaHint, err.Error())
		}
		defer in.Close()
		if info, err := in.Stat(); err == nil && info.IsDir() {
			return "", problem("name the file in it, as in --schema orders="+filepath.Join(file, "order.json"), file+": is a directory")
		}
		stdin = in
	}
	text, err := io.ReadAll(io.LimitReader(stdin, maxFile+1))
	switch {
	case err != nil:
		return "", problem(schemaHint, err.Error())
	case len(text) > maxFile:
		return "", problem("describe only what the service needs, or put parts into files beside it and refer to them", fmt.Sprintf("%s: is more than %d bytes, and forge reads no more", name, maxFile))
	case strings.TrimSpace(string(text)) == "":
		return "", problem("it has to be an Avro schema, a JSON Schema or a message", name+": is empty")
	}
	return string(text), nil
}

// readBeside returns what is in a file that a schema refers to. A schema that a
// stranger wrote reads no others than those in the directory above its own and
// below, or, where it is in there, in the working directory and below; and none
// that is hidden, as what is secret mostly is.
func readBeside(schema, path string) (string, error) {
	dir, err := filepath.Abs(filepath.Dir(schema))
	if err != nil {
		return "", err
	}
	root := filepath.Dir(dir)
	if work, err := os.Getwd(); err == nil {
		if below, err := filepath.Rel(work, root); err == nil && filepath.IsLocal(below) {
			root = work
		}
	}
	name, err := filepath.Rel(root, filepath.Join(dir, filepath.FromSlash(path)))
	switch {
	case err != nil || !filepath.IsLocal(name):
		return "", fmt.Errorf("%s is outside of %s", path, root)
	case strings.HasPrefix(name, ".") || strings.Contains(name, string(filepath.Separator)+"."):
		return "", fmt.Errorf("%s is hidden", path)
	}
	in, err := os.OpenRoot(root)
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }()
	file, err := in.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENOTDIR) {
		return "", fs.ErrNotExist
	} else if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if len(text) > maxFile {
		return "", fmt.Errorf("%s is more than %d bytes", path, maxFile)
	}
	return string(text), err
}

package message

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Register makes h the handler of the messages on topic whose body is a T.
//
// When T has a method MessageType() string, h gets the messages of that type
// only, and other handlers may be registered for the topic's other types, and
// one for all that is left with RegisterDefault. Otherwise h gets them all.
//
// When T has a method Validate() error, that alone decides whether a body is
// valid; otherwise its validate tags do.
func Register[T any](r *Registry, topic string, h TypedHandler[T], opts ...Option) {
	reg := &registration{hooks: h, model: reflect.TypeFor[T](), handler: typed[T]{h}}
	if m, ok := any(new(T)).(interface{ MessageType() string }); ok {
		reg.messageType = m.MessageType()
	}
	r.register(topic, reg, opts)
}

// RegisterDefault makes h the handler of the messages on topic whose type no
// other handler of the topic takes; without one they are dead letters. Their
// bodies are not read: h gets m.Header, and m.Value as it came, but no
// m.Decoded. Options and optional interfaces are those of Register.
func RegisterDefault(r *Registry, topic string, h Handler, opts ...Option) {
	r.register(topic, &registration{hooks: h, handler: h}, opts)
}

// Scope is the handler of one message, with what it needs for that alone: a transaction,
// a tenant's connection. It may have Before, After and OnError, but no other hooks.
type Scope[T any] interface {
	TypedHandler[T]
	// Close ends the scope. It gets the handler's outcome and returns the message's: a
	// transaction rolls back when outcome is not nil, and otherwise commits and returns
	// the error of that. It is called exactly once, after a panic of the handler with an
	// error. ctx is the handler's and may have ended.
	Close(ctx context.Context, outcome error) error
}

// Scoped registers a handler that open makes anew for each message. An error of
// open is the message's.
func Scoped[T any](r *Registry, topic string, open func(ctx context.Context) (Scope[T], error), opts ...Option) {
	Register(r, topic, scoped[T](open), opts...)
}

type scoped[T any] func(ctx context.Context) (Scope[T], error)

var errNoReturn = Fail(ClassPanic, "the handler did not return")

func (open scoped[T]) Handle(ctx context.Context, m Of[T]) (err error) {
	s, err := open(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("open scope: %w", err)
	case isNil(s):
		return Fail(ClassHandler, "open scope: got no scope")
	}
	outcome := errNoReturn // stays when the handler panics, or ends its goroutine
	defer func() { err = s.Close(ctx, outcome) }()
	outcome = withHooks(typed[T]{s}, s).Handle(ctx, m.Message)
	return outcome
}

// With adds middleware to one registration; the first one is outermost. It runs once the
// message was found valid, so it sees m.Header and m.Decoded, but not for tombstones.
func With(middleware ...Middleware) Option {
	return func(r *registration) { r.middleware = append(r.middleware, middleware...) }
}

// WithRetry gives the registration's messages a retry policy of their own.
func WithRetry(p RetryPolicy) Option { return func(r *registration) { r.retry = &p } }

// WithHeaderRule adds a rule for the headers of the registration's messages, which says
// what is wrong with Invalid, or with any other error. That all fields but correlationId
// are there is checked before.
func WithHeaderRule(rule func(Header) error) Option {
	mustHave(rule, "the header rule")
	return func(r *registration) { r.headerRules = append(r.headerRules, rule) }
}

// WithCodec gives the topic another codec than the registry's, also for what
// is published to it. It belongs to the topic's first registration.
func WithCodec(c Codec) Option {
	mustHave(c, "the codec")
	return func(r *registration) { r.codec = c }
}

func (r *Registry) register(topic string, reg *registration, opts []Option) {
	for _, opt := range slices.Concat(r.options, opts) {
		opt(reg)
	}
	if err := r.add(topic, reg); err != nil {
		what := "the default handler"
		if reg.model != nil {
			what = reg.model.String()
		}
		panic(fmt.Errorf("message: register %s on topic %q: %w", what, topic, err))
	}
}

// add completes a registration and adds it to its topic, and that to r.
func (r *Registry) add(name string, reg *registration) error {
	switch {
	case r.running.Load():
		return errStarted
	case isNil(reg.hooks):
		return errors.New("the handler is nil")
	case reg.codec != nil && r.topicCodecs[name] != nil:
		return errors.New("the topic has its codec already, from its first registration or from Publishes")
	}
	t := r.topics[name]
	if t == nil {
		t = &topic{registry: r, codec: cmp.Or(reg.codec, r.codecOf(name)), registrations: make(map[string]*registration)}
	}
	err := errors.Join(checkTopic(name), checkMethods(reg.hooks, hooks), checkMethods(t.codec, hooks))
	if err == nil && reg.retry != nil {
		err = reg.retry.Validate()
	}
	if err == nil && reg.model != nil {
		reg.check, err = r.prepareModel(name, t.codec, reg.model)
	}
	if err != nil {
		return err
	}
	reg.handler = withHooks(reg.handler, reg.hooks)
	for _, wrap := range slices.Backward(reg.middleware) { // the first one is outermost
		if reg.handler = wrap(reg.handler); isNil(reg.handler) {
			return errors.New("a middleware returned no handler")
		}
	}
	if err := t.enter(reg); err != nil {
		return err
	}
	r.topics[name], r.topicCodecs[name] = t, t.codec
	r.codecs, r.handlers = append(r.codecs, t.codec), append(r.handlers, reg.hooks)
	return nil
}

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// checkTopic refuses what brokers refuse, and dead letter topics: what is in
// them has failed before and would fail again.
func checkTopic(name string) error {
	switch {
	case !topicName.MatchString(name) || name == "." || name == "..":
		return errors.New("a topic's name is not . or .. and has 1 to 249 letters, digits, '.', '_' and '-' in it")
	case strings.HasSuffix(name, ".dlq"):
		return errors.New("dead letters are not consumed, but sent back to their topic once the cause is fixed")
	}
	return nil
}

// optional is a method that a handler and a codec, or a model, may have.
type optional struct {
	name string
	kind reflect.Type
	of   func(reflect.Value) reflect.Value // by a constant name, or the linker keeps every method of every type
}

var (
	hooks = []optional{
		{"Startup", reflect.TypeFor[func(context.Context) error](), func(v reflect.Value) reflect.Value { return v.MethodByName("Startup") }},
		{"Shutdown", reflect.TypeFor[func(context.Context) error](), func(v reflect.Value) reflect.Value { return v.MethodByName("Shutdown") }},
		{"Before", reflect.TypeFor[func(context.Context, *Message) error](), func(v reflect.Value) reflect.Value { return v.MethodByName("Before") }},
		{"After", reflect.TypeFor[func(context.Context, *Message) error](), func(v reflect.Value) reflect.Value { return v.MethodByName("After") }},
		{"OnError", reflect.TypeFor[func(context.Context, *Message, error) error](), func(v reflect.Value) reflect.Value { return v.MethodByName("OnError") }},
		{"HandleTombstone", reflect.TypeFor[func(context.Context, *Message) error](), func(v reflect.Value) reflect.Value { return v.MethodByName("HandleTombstone") }},
	}
	modelMethods = []optional{
		{"MessageType", reflect.TypeFor[func() string](), func(v reflect.Value) reflect.Value { return v.MethodByName("MessageType") }},
		{"Validate", reflect.TypeFor[func() error](), func(v reflect.Value) reflect.Value { return v.MethodByName("Validate") }},
	}
)

// checkMethods refuses a method with the name of an optional one that would never be
// called, which makes no noise: its signature is another one, or only a pointer has it.
func checkMethods(v any, methods []optional) error {
	t, receiver := reflect.TypeOf(v), reflect.ValueOf(v)
	if t.Kind() != reflect.Pointer {
		receiver = reflect.New(t)
	}
	for _, want := range methods {
		switch method := want.of(receiver); {
		case !method.IsValid():
		case method.Type() != want.kind:
			return fmt.Errorf("%s.%s is a %s, but is called only as a %s: change it or its name", t, want.name, method.Type(), want.kind)
		case !want.of(reflect.ValueOf(v)).IsValid():
			return fmt.Errorf("%s.%s has a pointer receiver, so it would not be called: register a pointer to a %s", t, want.name, t)
		}
	}
	return nil
}

// prepareModel tells the topic's codec of a model, and returns the model's rules.
func (r *Registry) prepareModel(topic string, codec Codec, model reflect.Type) (check func(body any) error, err error) {
	if model.Kind() == reflect.Pointer {
		return nil, fmt.Errorf("use the model %s itself, not a pointer to it", model.Elem())
	}
	check, err = r.rulesOf(model)
	if b, ok := codec.(Binder); ok && err == nil {
		err = b.Bind(topic, model)
	}
	return check, err
}

// enter adds a registration, but refuses a second handler for the same messages.
func (t *topic) enter(reg *registration) error {
	all := t.registrations[""]
	tombstones, _ := reg.hooks.(TombstoneHandler)
	switch {
	case all != nil && (all.model != nil || reg.messageType == ""):
		return errors.New("the topic has a handler for all its messages, or for all others, already")
	case t.registrations[reg.messageType] != nil:
		return fmt.Errorf("the topic has a handler for the message type %q already", reg.messageType)
	case reg.model != nil && reg.messageType == "" && len(t.registrations) > 0:
		return errors.New("the model has no MessageType, but the topic has handlers by type")
	case tombstones != nil && t.tombstones != nil:
		return errors.New("a tombstone has no message type, and the topic has a handler with HandleTombstone already")
	}
	t.registrations[reg.messageType] = reg
	t.tombstones = cmp.Or(tombstones, t.tombstones)
	return nil
}

// CheckDeps panics when an exported field of the struct deps is nil, and names
// each that is: a dependency that was forgotten ends the start, and not the
// first message. The tag optional:"true" is for a field that may be nil.
func CheckDeps(deps any) {
	v := reflect.Indirect(reflect.ValueOf(deps))
	var missing []string
	for field, value := range v.Fields() {
		if field.IsExported() && field.Tag.Get("optional") != "true" && isNil(value.Interface()) {
			missing = append(missing, field.Name)
		}
	}
	if len(missing) > 0 {
		panic(fmt.Errorf("message: %s lacks %s: set it where the struct is built, or tag it optional:\"true\"",
			v.Type(), strings.Join(missing, ", ")))
	}
}

// mustHave panics when v, which is called what, is nil.
func mustHave(v any, what string) {
	if isNil(v) {
		panic(fmt.Errorf("message: %s is nil", what))
	}
}

// isNil also reports a nil pointer in an interface.
func isNil(v any) bool {
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Chan:
		return value.IsNil()
	default:
		return false
	}
}

package service

import (
	"context"
	"fmt"
	"io"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/schema"
)

// schemas does what `schema` and its arguments ask for, with the models of all
// consumers and of what is published, and returns the exit code. It needs no
// settings but the registry's.
func schemas[S any](ctx context.Context, name string, build Build[S], o Options, stdout, stderr io.Writer) int {
	o.onlyRegistry = true
	o.Over = make(map[string]string)
	for _, s := range config.Settings(new(config.Source)) {
		o.Over[s.Name] = "" // the default
	}
	s, err := assemble(ctx, name, build, o)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return 2
	}
	codec, ok := s.b.codec.(*schema.Codec)
	if !ok {
		fmt.Fprintf(stderr, "%s: the codec of this service has no schemas\n", name)
		return 2
	}
	return schema.Command(ctx, codec, o.args, stdout, stderr)
}

// settingsError returns err, which config.Load returned, as far as it matters.
func (o Options) settingsError(err error) error {
	if o.onlyRegistry {
		return config.OfRegistry(err)
	}
	return err
}

// RegistryURL returns where the Schema Registry is, or nothing when no topic needs
// it.
func (s *Service) RegistryURL() string {
	codec, ok := s.b.codec.(*schema.Codec)
	if !ok || len(codec.Schemas()) == 0 {
		return ""
	}
	return s.b.Config.Registry.URLs[0]
}

// SchemaTopics returns the topics whose schemas the service registers, or finds in
// the registry, when it starts.
func (s *Service) SchemaTopics() (all []string) {
	if codec, ok := s.b.codec.(*schema.Codec); ok {
		for _, of := range codec.Schemas() {
			all = append(all, of.Topic)
		}
	}
	return all
}

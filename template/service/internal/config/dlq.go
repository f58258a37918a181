package config

// DeadLetters holds the settings of the command dlq.
type DeadLetters struct {
	RedriveTopics []string `env:"REDRIVE_TOPICS" help:"topics that dlq redrive --to may write to, beside those that dead letters came from"`
}

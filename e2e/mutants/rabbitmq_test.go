package mutants

// The mistakes of the source RabbitMQ, and the tests that see them, which need no broker.
func init() {
	for _, m := range []struct{ name, file, old, replacement, seenBy string }{
		{"rabbitmq: one word acknowledges beyond what is done", "rabbitmq/claim.go",
			"tags[0] == next {", "tags[0] >= next {", "TestWhatIsDone"},
		{"rabbitmq: what was acknowledged alone is forgotten", "rabbitmq/claim.go",
			"\t\tc.beyond[tag] = struct{}{}\n", "", "TestWhatIsDone"},
		{"rabbitmq: a message is acknowledged twice", "rabbitmq/claim.go",
			"\t\tdelete(c.tags, offset)\n", "", "TestWhatIsDone"},
		{"rabbitmq: a commit believes what it sent", "rabbitmq/claim.go",
			"return c.channel.Qos(c.prefetch, 0, false)", "return nil", "TestACommit"},
		{"rabbitmq: a channel is left before its acknowledgements are written", "rabbitmq/consumer.go",
			"return claim.settle(l.queue)", "return claim.send()", "TestAStop"},
		{"rabbitmq: a lost lane is acknowledged on", "rabbitmq/consumer.go",
			"\t\tassigned.Lose()\n", "", "TestNothingIsAcknowledged"},
		{"rabbitmq: two messages have one place", "rabbitmq/claim.go",
			"_, taken := c.tags[offset]; taken {", "_, taken := c.tags[offset]; taken && false {", "TestTwoMessages"},
		{"rabbitmq: a dead letter is safe before its confirmation", "rabbitmq/channel.go",
			"o.publishing); err != nil {\n\t\t\treturn err\n\t\t}\n", "o.publishing); err != nil {\n\t\t\treturn err\n\t\t}\n\t\tp.confirm(amqp.Confirmation{DeliveryTag: ch.GetNextPublishSeqNo() - 1, Ack: true})\n", "TestADeadLetterIsSafe"},
		{"rabbitmq: a key goes anywhere", "rabbitmq/queues.go",
			"case m.Key == nil:", "case true:", "TestMessagesOfOneKey"},
	} {
		mutants = append(mutants, mutant{m.name, m.file, m.old, m.replacement})
		seenBy[m.name] = m.seenBy
	}
}

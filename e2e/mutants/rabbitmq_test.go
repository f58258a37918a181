package mutants

// The mistakes of the source RabbitMQ, and the tests that see them, which need no broker.
func init() {
	for _, m := range []struct{ name, file, old, replacement, seenBy string }{
		{"rabbitmq: one word acknowledges beyond what is done", "rabbitmq/claim.go",
			"\t\t\tlast = next\n", "\t\t\tlast = next + 1\n", "TestWhatIsDone"},
		{"rabbitmq: a commit leaves what is done behind what is not", "rabbitmq/claim.go",
			"if !all && ", "if ", "TestWhatIsDone"},
		{"rabbitmq: what is done behind what is not holds the broker back", "rabbitmq/claim.go",
			"len(c.held) <= c.prefetch/4", "true", "TestWhatIsDone"},
		{"rabbitmq: what was gathered is not sent", "rabbitmq/claim.go",
			"\t\tcase <-time.After(ackPause):\n", "", "TestWhatIsDone"},
		{"rabbitmq: what was acknowledged alone is forgotten", "rabbitmq/claim.go",
			"\t\tc.beyond[tag] = struct{}{}\n", "", "TestWhatIsDone"},
		{"rabbitmq: a message is acknowledged twice", "rabbitmq/claim.go",
			"\t\tdelete(c.tags, offset)\n", "", "TestWhatIsDone"},
		{"rabbitmq: a commit believes what it sent", "rabbitmq/claim.go",
			"return c.channel.Qos(c.prefetch, 0, false)", "return nil", "TestACommit"},
		{"rabbitmq: a channel is left before its acknowledgements are written", "rabbitmq/consumer.go",
			"return claim.settle(l.queue)", "return claim.send(true)", "TestAStop"},
		{"rabbitmq: a lost lane is acknowledged on", "rabbitmq/consumer.go",
			"\t\tassigned.Lose()\n", "", "TestNothingIsAcknowledged"},
		{"rabbitmq: two messages have one place", "rabbitmq/claim.go",
			"_, taken := c.tags[offset]; taken {", "_, taken := c.tags[offset]; taken && false {", "TestTwoMessages"},
		{"rabbitmq: a dead letter is safe before its confirmation", "rabbitmq/channel.go",
			"\tc.sent = append(c.sent, a)\n", "\tc.sent = append(c.sent, a)\n\ta.answer <- nil\n", "TestADeadLetterIsSafe"},
		{"rabbitmq: what no queue takes is written", "rabbitmq/channel.go",
			`a.answer <- a.to.note(a.returned == nil || a.to.exchange != "", err)`, "a.answer <- nil", "TestADeadLetterIsSafe"},
		{"rabbitmq: what comes back is taken for another", "rabbitmq/channel.go",
			"a.to.missing(r.ReplyText)\n\t\t\treturn\n", "a.to.missing(r.ReplyText)\n", "TestAReturnIsOfOneMessage"},
		{"rabbitmq: what is given up waits for a channel", "rabbitmq/publisher.go",
			"queue: make(chan *attempt)", "queue: make(chan *attempt, 9)", "TestNobodyPublishesWhatWasGivenUp"},
		{"rabbitmq: what waited too long for its key is written", "publisher/keys.go",
			"ctx.Err() == nil {", "ctx.Err() == nil || true {", "TestWhatIsGivenUp"},
		{"rabbitmq: dead letters go to the service's queues", "rabbitmq/publisher.go",
			"return route(c.cfg, m)", "return route(t.cfg, m)", "TestDeadLettersAreWhere"},
		{"rabbitmq: nobody is told that nothing can be published", "rabbitmq/consumer.go",
			"c.events.why(), ", "", "TestABrokerThatTakesNothing"},
		{"rabbitmq: a key goes anywhere", "rabbitmq/queues.go",
			"case m.Key == nil:", "case true:", "TestMessagesOfOneKey"},
	} {
		mutants = append(mutants, mutant{m.name, m.file, m.old, m.replacement})
		seenBy[m.name] = m.seenBy
	}
}

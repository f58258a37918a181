package mutants

// The mistakes of the source NATS JetStream, and the tests that see them.
func init() {
	for _, m := range []struct{ name, file, old, replacement, seenBy string }{
		{"jetstream: what is worked on is not told", "jetstream/claim.go",
			"\t\t\t\t_ = c.conn.Publish(reply, progress) // what", "\t\t\t\t_ = reply // what", "TestWhatTakesLong"},
		{"jetstream: a lost lane acknowledges", "jetstream/claim.go",
			"\tif c.lost.Load() {\n\t\treturn errLost\n\t}\n", "", "TestNothingOfALostLane"},
		{"jetstream: what is delivered is acknowledged", "jetstream/claim.go",
			"\t\tc.held[offset] = &holding{reply: reply}\n", "\t\tc.held[offset] = &holding{reply: reply}\n\t\tc.done = append(c.done, reply)\n\t\tsignal(c.wake)\n", "TestTheDeadLetter"},
		{"jetstream: a redelivered message is run twice", "jetstream/claim.go",
			"\treturn d == nil\n", "\treturn true\n", "TestARedeliveredMessage"},
		{"jetstream: a commit believes what it sent", "jetstream/claim.go",
			"\tif _, err := c.conn.RequestWithContext(ctx, sent[len(sent)-1], ack); err != nil {", "\tif err := error(nil); err != nil {", "TestACommit"},
		{"jetstream: a missing delivery is not seen", "jetstream/subscription.go",
			" || meta.Sequence.Consumer != p.next) {", ") {", "TestADelivery"},
		{"jetstream: who is served for the first time sets nothing back", "jetstream/handover.go",
			"\tmade, err := p.stream.ResetConsumer(ctx, p.config.Durable)\n", "\tmade, err := &jetstream.ConsumerResetResponse{ConsumerInfo: new(jetstream.ConsumerInfo)}, error(nil)\n", "TestADelivery|TestNothingIsLost|TestTwo"},
		{"jetstream: a drained partition is kept", "jetstream/handover.go",
			"\t_ = p.stream.UnpinConsumer(ctx, p.config.Durable, group) // after AckWait\n", "", "TestADrain"},
		{"jetstream: what was not begun is kept", "jetstream/handover.go",
			"\tfor i, reply := range back {", "\tfor i, reply := range back[:0] {", "TestADrain|TestWhatIsDoneDoesNot"},
		{"jetstream: a stop has what is done come again", "jetstream/handover.go",
			"\tif first == nil {", "\tif first == nil || true {", "TestWhatIsDoneDoesNot"},
		{"jetstream: who is served believes that nothing is before it", "jetstream/handover.go",
			"\tfor len(all) < info.NumAckPending {", "\tfor len(all) < 0 {", "TestWhatIsDoneDoesNot|TestADrain"},
		{"jetstream: what is done is handled again in the next lane", "jetstream/handover.go",
			"return offset <= m.last && !m.open[offset]", "return false && m.open[offset]", "TestWhatIsDoneBehind"},
		{"jetstream: what is not done is taken for done in the next lane", "jetstream/handover.go",
			"return offset <= m.last && !m.open[offset]", "return offset <= m.last", "TestWhatIsDoneBehind|TestNothingOfALost"},
		{"jetstream: a paused lane does not say that it is there", "jetstream/subscription.go",
			"\t\treturn p.stayPinned(ctx, l)\n", "\t\treturn nil\n", "TestALane"},
		{"jetstream: no instance yields a partition", "jetstream/consumer.go",
			"\t\t\tp.yield.Store(true)\n", "", "TestTwo"},
		{"jetstream: a retry is another message", "jetstream/publisher.go",
			"out := wire(l.subjects[partition], m, id)", "out := wire(l.subjects[partition], m, uuid.NewString())", "TestAnEventWhose"},
		{"jetstream: a key is not waited for", "publisher/keys.go",
			"\tif o.Key == nil {", "\tif o.Key == nil || true {", "TestAMessageWaits"},
		{"jetstream: an event without an answer is published", "jetstream/publisher.go",
			"\tcase err == nil:\n\t\tm.Partition", "\tcase err == nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrDisconnected):\n\t\tgot = cmp.Or(got, new(jetstream.PubAck))\n\t\tm.Partition", "TestAPublish"},
		{"jetstream: a header of NATS's is taken for the message's", "jetstream/message.go",
			" || name == \"Status\" || name == \"Description\"", "", "TestAMessage"},
	} {
		mutants = append(mutants, mutant{m.name, m.file, m.old, m.replacement})
		seenBy[m.name] = m.seenBy
	}
}

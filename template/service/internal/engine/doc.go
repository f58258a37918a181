// Package engine decides which handler runs when, and what may be committed.
// It takes messages from lanes (a lane is a Kafka partition, or a queue), runs
// their handlers side by side while it keeps the order of each key, and marks
// each lane's progress at its source. It knows no broker.
//
// A message is terminal when its handler succeeded, when its dead letter was
// acknowledged, or when the error policy skipped it. What is committed is the
// low-water mark of a lane: all its messages up to the first, in order of
// delivery, that is not terminal.
//
// # How a message goes
//
//	Lane.Deliver   copies the message into the queue of its key
//	Engine.next    gives a worker the next ready key: lanes take turns, and so do the keys of a lane
//	worker.attempt runs the handler with its own copy of the message and its own context
//	Engine.decide  says what becomes of a message that failed: retried, dead letter, skipped
//	Lane.complete  makes the message terminal, or keeps its key back until a timer or a dead letter is done
//	Engine.commit  marks the low-water marks and has the source commit them
//
// One mutex guards the whole engine. No handler, dead letter, commit, log or
// observer is called with it held, only Claim.Mark and Pauser.
//
// # Limits
//
// A key has at most one handler at a time in this process, also when its lane
// ended and was assigned again while a handler still ran. Another process that
// takes the lane over does not know of that handler.
//
// The bytes of a message are copied once, when it is delivered, and shared by
// all its attempts. Handlers may keep them, but must not write into them.
package engine

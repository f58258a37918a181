// Package engine decides which handler runs when, and what may be committed.
// It takes messages from lanes (a lane is a partition, or a queue), runs
// their handlers side by side while it keeps the order of each key, and marks
// each lane's progress at its source. It knows no broker.
//
// A message is done when its handler succeeded, when its dead letter was
// acknowledged, when the error policy skipped it, or when it was redriven for
// another group. What is committed is the low-water mark of a lane: all its
// messages up to the first, in order of delivery, that is not done. A queue is told of
// each message instead.
//
//	Lane.Deliver    copies the message and puts it behind the last one of its key
//	worker.take     gives a worker the next ready message: lanes take turns, and so do the keys of a lane, and what failed before
//	worker.attempt  runs the handler with its own copy of the message and its own context
//	Engine.decide   says what becomes of a message that failed
//	Lane.complete   marks the message done, or holds its key back until a timer or a dead letter is done
//	Engine.commit   marks the low-water marks and commits them
//
// One mutex guards the engine with all its lanes. Of a Claim, only Mark, Ack,
// Pause and Resume are called with it held. Methods of Lane that do not lock it expect it held.
//
// A key has at most one handler at a time in this process, also when its lane
// ended and was assigned again meanwhile; another process does not know of it. A
// message is copied when it is delivered, and again for each attempt, so that the
// next attempt and the dead letter are of what was delivered, whatever a handler
// does with its copy.
package engine

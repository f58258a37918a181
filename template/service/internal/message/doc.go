// Package message is to messages what net/http is to requests. It knows no
// broker and no wire format.
//
// A handler needs a dozen names:
//
//	Of[T], Header                                    the message, its body decoded into a T
//	Register, Scoped                                 which handler gets the messages of a topic
//	Retry, RetryAfter, Permanent, Unavailable        what is to become of a message that failed
//	Invalid, ForbidExtra                             the rules of a model
//	Event, Publisher, WithMessageID                  what the service publishes
//
// Around that stand the Registry, which decodes a message, checks it and calls
// its handler; Middleware; the optional hooks of a handler (Starter, Stopper,
// BeforeHandler, AfterHandler, ErrorHandler, TombstoneHandler); and what is
// implemented elsewhere: Codec and Rules by package envelope, Publisher by the
// broker's package. Package messagetest has what the tests of a handler need.
package message

// Package models has the bodies of the messages, one file a topic.
package models

package kafka

import (
	"slices"
	"testing"
	"testing/synctest"
)

// TestACallbackWaitsForTheOneBeforeIt proves that callbacks run one after another, in the
// order in which they came.
func TestACallbackWaitsForTheOneBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q callQueue
		release := make(chan struct{})
		var called []int // by one callback at a time
		for i := range 3 {
			q.add(func() { called = append(called, i); <-release })
		}
		for i := range 3 {
			synctest.Wait()
			if want := []int{0, 1, 2}[:i+1]; !slices.Equal(called, want) {
				t.Errorf("called %v, want %v", called, want)
			}
			release <- struct{}{}
		}
		synctest.Wait()
	})
}

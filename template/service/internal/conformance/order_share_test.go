//go:build share

package conformance_test

// isOrdered says that the source keeps each key in order: a share group has none.
const isOrdered = false

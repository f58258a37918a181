// Package storetest has a store without a database, for tests.
package storetest

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/somebody/shop/handlers"
	"github.com/somebody/shop/models"
)

// Store keeps orders in memory. It may be used by several goroutines at once.
type Store struct {
	CommitErr error // returned by each Commit, which then stores nothing

	mu     sync.Mutex
	orders map[string]models.Order
	audit  map[string]models.OrderAccepted
}

// New returns an empty store.
func New() *Store {
	return &Store{orders: map[string]models.Order{}, audit: map[string]models.OrderAccepted{}}
}

// Orders returns what is stored, by message id.
func (s *Store) Orders() map[string]models.Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.orders)
}

// Audited returns the ids of the events that are recorded, sorted.
func (s *Store) Audited() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.audit))
}

// Begin implements handlers.Store.
func (s *Store) Begin(context.Context) (handlers.Tx, error) {
	return &transaction{store: s, orders: map[string]models.Order{}}, nil
}

// Audit implements handlers.Store.
func (s *Store) Audit(_ context.Context, eventID string, e models.OrderAccepted) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audit[eventID] = e
	return nil
}

type transaction struct {
	store  *Store
	orders map[string]models.Order // that Commit stores
}

func (t *transaction) InsertOrder(_ context.Context, messageID string, o models.Order) (bool, error) {
	if _, stored := t.store.Orders()[messageID]; stored {
		return false, nil
	}
	t.orders[messageID] = o
	return true, nil
}

func (t *transaction) Commit() error {
	t.store.mu.Lock()
	defer t.store.mu.Unlock()
	if t.store.CommitErr == nil {
		maps.Copy(t.store.orders, t.orders)
	}
	return t.store.CommitErr
}

func (t *transaction) Rollback() error { return nil }

package store_test

import (
	"os"
	"testing"

	"github.com/google/uuid"

	"github.com/somebody/shop/models"
	"github.com/somebody/shop/store"
)

func TestAMessageStoresItsOrderOnceWhenItIsCommitted(t *testing.T) {
	url := os.Getenv("SHOP_DATABASE_URL")
	if url == "" {
		t.Skip("SHOP_DATABASE_URL is not set")
	}
	s, err := store.Open(url, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for range 2 {
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	id := uuid.NewString()
	for _, tt := range []struct{ commit, isNew bool }{{false, true}, {true, true}, {true, false}} {
		tx, err := s.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		isNew, err := tx.InsertOrder(t.Context(), id, models.Order{ID: "A-1", Customer: "ann", Cents: 950})
		if err != nil || isNew != tt.isNew {
			t.Errorf("new is %v, want %v: %v", isNew, tt.isNew, err)
		}
		end := tx.Rollback
		if tt.commit {
			end = tx.Commit
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	}
}

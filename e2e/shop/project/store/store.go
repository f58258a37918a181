// Package store keeps orders in PostgreSQL.
package store

import (
	"context"
	"database/sql"
	_ "embed"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/somebody/shop/handlers"
	"github.com/somebody/shop/models"
)

//go:embed schema.sql
var schema string

// Store keeps orders in a database.
type Store struct{ db *sql.DB }

// Open returns the store at a URL, with as many connections as are used at
// once. It connects when it is first used.
func Open(url string, connections int) (*Store, error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return &Store{db}, nil
}

// Migrate creates the tables that are not there.
func (s *Store) Migrate(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, schema) // all in one transaction
	return err
}

// Ping asks whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.PingContext(ctx) }

// Close closes the connections.
func (s *Store) Close() error { return s.db.Close() }

// Begin implements handlers.Store.
func (s *Store) Begin(ctx context.Context) (handlers.Tx, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	return transaction{tx}, nil
}

// Audit implements handlers.Store.
func (s *Store) Audit(ctx context.Context, eventID string, e models.OrderAccepted) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO audit VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, eventID, e.OrderID, e.Cents)
	return err
}

type transaction struct{ *sql.Tx }

// InsertOrder implements handlers.Tx.
func (t transaction) InsertOrder(ctx context.Context, messageID string, o models.Order) (bool, error) {
	result, err := t.ExecContext(ctx, `INSERT INTO orders VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		messageID, o.ID, o.Customer, o.Cents)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

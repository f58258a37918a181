-- Several instances may start at once.
SELECT pg_advisory_xact_lock(7001);

CREATE TABLE IF NOT EXISTS orders (
	message_id text PRIMARY KEY,
	id         text NOT NULL,
	customer   text NOT NULL,
	cents      bigint NOT NULL
);

CREATE TABLE IF NOT EXISTS audit (
	event_id text PRIMARY KEY,
	order_id text NOT NULL,
	cents    bigint NOT NULL
);

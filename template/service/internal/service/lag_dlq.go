package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"
)

// lagTimeout bounds how long the brokers are asked.
const lagTimeout = 15 * time.Second

// writeLag writes how far the consumers' groups are behind in each partition, and in
// all. With an error it has written what could be told.
func (s *Service) writeLag(ctx context.Context, w io.Writer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lagTimeout, fmt.Errorf("no answer from the broker within %v", lagTimeout))
	defer cancel()
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "GROUP\tTOPIC\tPARTITION\tCOMMITTED\tEND\tLAG")
	var errs []error
	for _, c := range s.b.consumers {
		topics := c.registry.Topics()
		if len(topics) == 0 {
			continue
		}
		lags, err := groupLag(ctx, c.source, topics)
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		errs = append(errs, err)
		total := int64(0)
		for _, l := range lags {
			fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%d\n", c.source.GroupID, l.Topic, l.Partition, place(l.Committed), place(l.End), l.Lag)
			total += l.Lag
		}
		sum := strconv.FormatInt(total, 10)
		if err != nil {
			sum = "unknown" // total is the least that it is
		}
		fmt.Fprintf(table, "%s\tall\t\t\t\t%s\n", c.source.GroupID, sum)
	}
	return errors.Join(append(errs, table.Flush())...)
}

// place returns an offset as it is printed; what is less than 0 is none.
func place(offset int64) string {
	if offset < 0 {
		return "-"
	}
	return strconv.FormatInt(offset, 10)
}

package clickhouse

import (
	"context"
	"fmt"

	"touchstream/pipeline/schema"
)

// settle ends all former attempts of a block, those of former processes too,
// and tells whether one succeeded.
func (s *sender) settle(ctx context.Context, p *parcel) (done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if err := s.conn.Exec(ctx, s.killStatement(p)); err != nil {
		return false, err
	}
	var n uint64
	if err := s.conn.QueryRow(ctx, s.countStatement(p)).Scan(&n); err != nil {
		return false, err
	}
	// Fewer than all is all, too: a block goes in whole, and rows that have a
	// newer version may have been merged away already.
	return n > 0, nil
}

// queryPrefix begins the ids of all inserts of a block. They end in the random
// number of a process and the attempt.
func (s *sender) queryPrefix(p *parcel) string {
	return fmt.Sprintf("touchstream-%s-%s-%x-", s.cfg.Database, p.table.Name, p.number)
}

// killStatement ends the inserts of a block. Tables that are not replicated may
// get it on any server of the cluster. The inserts into replicated ones carry a
// token by which Keeper takes only one of them, so it need not reach servers
// that may be down.
func (s *sender) killStatement(p *parcel) string {
	cluster := ""
	if !s.replicated[p.table.Name] {
		cluster = onCluster(Options{Cluster: s.cfg.Cluster})
	}
	return "KILL QUERY" + cluster + " WHERE startsWith(query_id, " + quoteText(s.queryPrefix(p)) + ") SYNC"
}

// countStatement counts the rows of a block, in its partition: on all servers
// of the cluster if the table is not replicated.
func (s *sender) countStatement(p *parcel) string {
	from := tableName(Options{Database: s.cfg.Database}, p.table.Name)
	if s.cfg.Cluster != "" && !s.replicated[p.table.Name] {
		from = "clusterAllReplicas(" + quoteText(s.cfg.Cluster) + ", " + from + ")"
	}
	return fmt.Sprintf("SELECT count() FROM %s WHERE _partition_id = %s AND _block = %d", from, quoteText(partitionID(p.table, p.month)), p.number)
}

// partitionID is how the server names a partition.
func partitionID(t *schema.Table, month int32) string {
	if partitionKey(t) == "" {
		return "all"
	}
	return fmt.Sprint(month)
}

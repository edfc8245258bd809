package clickhouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// Session is one connection for statements, which keeps its current database
// and temporary tables until it is closed. It is for one goroutine.
type Session struct {
	cfg    Config // of this server alone
	client *ch.Client
}

// OpenSession connects to the first server that answers.
func OpenSession(ctx context.Context, cfg Config) (*Session, error) {
	var errs []error
	for _, addr := range cfg.Addr {
		one := cfg
		one.Addr = []string{addr}
		client, err := dial(ctx, &one)
		if err == nil {
			return &Session{one, client}, nil
		}
		errs = append(errs, err)
	}
	return nil, explain(&cfg, errors.Join(errs...))
}

// Another connects to the same server once more.
func (s *Session) Another(ctx context.Context) (*Session, error) { return OpenSession(ctx, s.cfg) }

// Exec runs a statement without a result.
func (s *Session) Exec(ctx context.Context, statement string) error {
	return s.do(ctx, ch.Query{Body: statement})
}

// Rows runs a query; each value is as toJSONString writes it, texts without
// quotes.
func (s *Session) Rows(ctx context.Context, query string) ([][]string, error) {
	var column proto.ColStr
	var out [][]string
	err := s.do(ctx, ch.Query{
		Body:   "SELECT toJSONString(tuple(*)) AS row FROM (" + query + ")",
		Result: proto.Results{{Name: "row", Data: &column}},
		OnResult: func(context.Context, proto.Block) error {
			for i := range column.Rows() {
				row, err := jsonValues(column.RowBytes(i))
				if err != nil {
					return err
				}
				out = append(out, row)
			}
			column.Reset()
			return nil
		},
	})
	return out, err
}

// Close closes the connection; its temporary tables are gone.
func (s *Session) Close() error { return s.client.Close() }

func (s *Session) do(ctx context.Context, q ch.Query) error {
	err := s.client.Do(ctx, q)
	var refused *ch.Exception
	if err == nil || errors.As(err, &refused) {
		return err
	}
	return explain(&s.cfg, err)
}

func jsonValues(text []byte) ([]string, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("%.80s is no list: %w", text, err)
	}
	out := make([]string, len(raw))
	for i, r := range raw {
		if json.Unmarshal(r, &out[i]) != nil {
			out[i] = string(r)
		}
	}
	return out, nil
}

package faulttest

import (
	"strings"
	"text/template"
)

// outOfOrderness is more than the disorder of the load, so that nothing is
// late whatever the order between partitions.
const outOfOrderness = "30s"

// configuration is what the template is filled with.
type configuration struct {
	Name, Kafka, ClickHouse, Database string
	Topics                            []string
	Triggers, Dead                    string // topics; empty for no Kafka sink
	File, Out                         string // a file instead of the topics, and the folder of a file sink
	Dir                               string // of state
	Extra, State, Warehouse           string
}

func (c configuration) text() string {
	var b strings.Builder
	if err := configTemplate.Execute(&b, c); err != nil {
		panic(err) // writing to memory
	}
	return b.String()
}

// configTemplate names the sources whose watermark crowd follows. Otherwise
// those count that have brought a sighting so far, and whether the first ones
// of a source are late depends on how the sources came.
var configTemplate = template.Must(template.New("c.yaml").Parse(`name: {{.Name}}
time: {idle_after: 30d, max_future: 500d, max_out_of_orderness: ` + outOfOrderness + `}
commit_interval: 200ms
state: {dir: {{.Dir}}/state, snapshots: {{.Dir}}/snapshots, snapshot_every: 500ms{{.State}}}
http: {listen: "127.0.0.1:0"}
venue: venue.yaml
identity: {key: faults}
sources:
{{- range $i, $topic := .Topics}}
  in{{$i}}: {kafka: {brokers: ["{{$.Kafka}}"], topics: [{{$topic}}]}, decode: {segment: {}}}
{{- end}}
{{- if .File}}
  file: {file: {paths: [{{.File}}]}, decode: {segment: {}}}
{{- end}}
operators:
  sessions: {}
  ropo: {}
  abandonment: {}
  crowd: {windows: [1m], from: [{{range $i, $topic := .Topics}}{{if $i}}, {{end}}in{{$i}}{{end}}{{if .File}}file{{end}}]}
  windows:
    revenue:
      tumbling: 1h
      key: [channel, category]
      where: event == "Order Completed"
      aggregate: {orders: uniq_exact(order_id), quantity: sum(quantity), revenue: sum(amount), p95: "quantile(price, 0.95)"}
    traffic:
      sliding: {size: 1h, slide: 15m}
      key: [channel]
      where: event != "` + closingEvent + `"
      aggregate: {events: count(), devices: uniq(anonymous_id)}
    days:
      tumbling: 1d
      emit: on_change
      where: event == "Order Completed"
      aggregate: {revenue: sum(amount), mean: avg(amount)}
sinks:
  warehouse: {clickhouse: {addr: ["{{.ClickHouse}}"], database: {{.Database}}{{.Warehouse}}}}
{{- if .Triggers}}
  rtm: {kafka: {brokers: ["{{.Kafka}}"], topic: {{.Triggers}}, dead_letters: {{.Dead}}}}
{{- end}}
{{- if .Out}}
  local: {file: {dir: {{.Out}}}}
{{- end}}
{{.Extra}}`))

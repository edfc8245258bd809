// Package devtest gives tests a real ClickHouse engine and a real Apache Kafka
// broker. A test package that uses it has
//
//	func TestMain(m *testing.M) { devtest.Main(m) }
//
// ClickHouse and Kafka are shared by all tests of the binary, so a test takes
// a database and topics of its own; NewClickHouse and NewKafka are for tests
// that kill. Where a part cannot be had (no npm, mvn or java), and with
// -short, the test is skipped; with CI=true it fails instead.
package devtest

// Package dev brings real parts to a machine without Docker: the ClickHouse
// engine and an Apache Kafka broker, fetched once through npm and Maven at
// pinned versions and checksums, and started on loopback ports.
//
// FetchClickHouse and FetchKafka fill the cache, $XDG_CACHE_HOME/touchstream;
// what is there is never fetched again. StartClickHouse and StartKafka start
// a part that dies with the process that started it, and can stop it, kill it
// and start it again on the same data and ports. Up and Down keep a pair that
// outlives the command. StartFakeKafka is a broker inside this process.
//
// The engine is a shared library, so it runs in a child process: the same
// binary, started again. Its main function and the TestMain of a test binary
// must therefore call ChildMain before anything else; devtest.Main does.
//
// Neither part has users or passwords. Both listen on 127.0.0.1 only.
// Linux and macOS are supported; on macOS a part outlives a killed parent.
package dev

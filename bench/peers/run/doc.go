// Command run measures other systems beside touchstream: the same bytes, the
// same jobs, the same machine in the same run, and the rows compared one by
// one. The README of bench/peers tells what each one is and what is fair.
//
//	go run ./bench/peers/run [flags] [naive] [flink] [kafka-streams] [clickhouse]
//
// touchstream itself is always measured: its rows are what the others' are
// compared with. What is needed is fetched once into the user's cache folder.
package main

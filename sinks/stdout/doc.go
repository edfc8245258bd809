// Package stdout is the sink that prints rows as jsonl on standard output.
// With several tables each line begins with the key "table". Each step's rows
// are printed at once.
package stdout

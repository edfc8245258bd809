// Package disktest is a file system in memory for simulations: processes on it
// can be killed, and the machine can lose its power, and with it what was not
// synced.
package disktest

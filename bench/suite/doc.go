// Command suite runs the benchmarks of the package bench by name, prints what
// they measured as tables, and keeps it as JSON with a description of the
// machine. It also compares two commits and checks the ratios that must not
// fall. It is called in the project's root folder; ../README.md tells more.
package main

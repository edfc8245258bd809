package config

import "regexp"

const (
	hostPattern = `(\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\],]+)`
	portPattern = `([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])`
)

var (
	// Address matches host and host:port, the host a name, an IPv4 address or
	// an IPv6 address in brackets, the port at most 65535.
	Address = regexp.MustCompile(`^` + hostPattern + `(:` + portPattern + `)?$`)
	// Listen matches host:port and :port.
	Listen = regexp.MustCompile(`^` + hostPattern + `?:` + portPattern + `$`)
)

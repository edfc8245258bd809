// Package killpoint lets fault tests end the process at a named place. In a
// normal build Pass is empty and compiled away. Built with the tag faults, the
// variable TOUCHSTREAM_KILL names one place and what happens there:
//
//	TOUCHSTREAM_KILL=journal.before:3       SIGKILL at the third passing
//	TOUCHSTREAM_KILL=journal.before:3:stop  SIGSTOP at the third passing
//
// Any other form, and a label that is not in Labels, ends the process at its
// start with exit code 2. A process that is continued after a stop goes on,
// and is not stopped again.
package killpoint

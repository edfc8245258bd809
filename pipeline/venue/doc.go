// Package venue reads the venue file: the stores, their zones and sensors, and
// when they are open. A Venue is made once and never changes, so it is safe for
// concurrent use. Stores, zones and sensors have dense indices in the file's
// order, so that state can be kept in slices.
package venue

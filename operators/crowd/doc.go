// Package crowd tells how many people are in each zone of a store, how dense
// and for how long, and how they move between zones: semantics §8.
//
// A device is in one zone of a store at a time. The state is a device's zone
// and stay, each zone's devices or door count, and per zone and window length
// the open window's sums. Timers end presence, windows close on a grid that all
// zones share; what happens at an instant happens in this order: windows that
// end there close, events count, devices leave or stop counting, daily resets.
//
// Choices where the contract leaves them open:
//
//   - A device is known by its device_id, else anonymous_id, user_id,
//     loyalty_id: what sensors see is a device. A row with none of them that is
//     no Counter Read counts as unknown. A row with a staff_id, or with an
//     identifier among the venue's staff_devices, is the staff's and left out.
//   - A sensor decides where Sensor Seen was, else zone_id; for all other events
//     zone_id, else the sensor. A place that is not in the venue file, or whose
//     store is another one, counts as unknown. Without a venue file zones are as
//     events name them, a sensor without a zone is one, all sensors are beacons
//     (Tag Read: RFID), times are UTC, and there is neither area nor capacity;
//     rows without store_id are of one store without a name.
//   - A stay is [entry, leaving): who leaves at the very start of a window was
//     not in it, though the exit and the dwell count there. occupancy_max is the
//     most that lasted for any time; a stay of no length counts as an entry, an
//     exit and a unique. A window with an exit alone is the row of zeros.
//   - An exit is a sighting. Being sighted by any sensor of the store is one,
//     also while the zone stays that of another sensor.
//   - zone_timeout counts from the last sighting. A sighting in the zone where
//     Zone Entered or Tag Read put the device leaves it so; two readings of
//     another zone's sensor, or one without RSSI, move it and it is sensed.
//   - A device in no zone goes where its first reading is. A device whose zone
//     was named by an event has no current sensor until one of that zone hears
//     it. A silent sensor begins anew at its next reading. Exceeding by 4 dB is
//     at least 4 dB. A device that leaves the store loses its signals.
//   - Presence for fixed_after is that in the store, zone changes included. A
//     fixed device leaves the occupancy without exit or dwell, and counts again
//     when it has left and comes back. zone_timeout comes before fixed_after at
//     one instant. reset_at ends presence without exit, dwell or flow; it leaves
//     door counters alone, which counter_reset sets to 0.
//   - A flow's presence_timeout is that of the last sighting in the former zone.
//     Flows count devices.
//   - occupancy, entries, exits and uniques are people: devices × calibration.
//     uniques and dwell are made from devices also where doors count. A zone has
//     door counters when the file says so, else from its first Counter Read on.
//   - is_estimate: a device of the window was sensed, or calibration is not 1;
//     never with door counters. A row of zeros has that of the row before.
//   - capacity_share is that of the average.
//   - An alert clears at the first window at C or better. Slack is staff in the
//     venue file and level C or better in the same window, for a zone without
//     area that nobody was there. Zones that no neighbours lead to come last.
//   - early shows open windows as of the watermark, at most once a step.
//   - At the end of a bounded run counts that no reset would end go to 0 when
//     the open windows have closed.
package crowd

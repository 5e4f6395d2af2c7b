//! One file a command: functions from options to results.

/// What a disk can do to a program: writes that fail, stop half-way or are its last.
///
/// A program that links this has its `pwrite`, `fdatasync` and `ftruncate` counted. `HONE_FAULT=KIND:N` lets the Nth of
/// them meet its fault: `eio` fails once, `full` and `short` (half of it is written) leave no room from there on, `kill`
/// ends the process.
#pragma once

/// Whether so many operations were made that the fault was met.
int hone_fault_was_met(void);

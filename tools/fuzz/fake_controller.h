/*
 * The controller on the fake kernel: receives the supervisor's frames and checks each of them.
 */
#ifndef FAKE_CONTROLLER_H
#define FAKE_CONTROLLER_H

#include <stdbool.h>
#include <stddef.h>

/* Abort, naming the promise, unless the supervisor keeps it. */
void require(bool condition, const char *promise);

/* A case begins. */
void controller_reset(void);

/* A stage was decoded, with these caps. */
void controller_stage_started(size_t stdout_cap, size_t stderr_cap);

/* Its program wrote these bytes to one of its streams, and they are in the pipe. */
void controller_output_written(bool to_stderr, const void *bytes, size_t size);

/* Its main process ended by itself, or was killed, with this status of wait(2). */
void controller_program_ended(int status);

/* A channel has a handler. */
void controller_channel_opened(void);

/* A collection of files begins. */
void controller_collection_started(void);

/* Whether the box is as new, or already has a new program. The kernel knows. */
bool box_is_new(void);

/* Bytes came from the supervisor. */
void controller_receive(const char *bytes, size_t size);

/*
 * The supervisor has exited. `received_all`: the controller took every byte there was;
 * `done`: and it closed its end only when nothing more was to come.
 */
void controller_supervisor_exited(int status, bool received_all, bool done);

#endif

/*
 * The watchdog: a thread of PID 1 that kills the programs while the loop waits for one of them.
 *
 * A program can hold the lock of its end of a pipe for as long as it likes: splice() and sendfile()
 * keep it while they wait for a socket, and a write keeps it while a page of its data is not there.
 * Our read then waits for the lock, and no signal ends that, not even SIGKILL: no limit is checked,
 * the controller's end is not seen, and the engine can't remove the container. Only the end of the
 * program frees the lock.
 *
 * So GRACE after the wall time limit of a stage, and as long after the controller's end, the
 * watchdog kills all processes of the namespace but PID 1. The loop goes on by itself then.
 *
 * If the kernel kills PID 1 for lack of memory while it waits, the watchdog dies and the loop waits on.
 * Then the controller has the engine start `supervisor kill` in the container.
 *
 * A handler has none: PID 1 never waits for a lock of a program's. It kills a handler that does, and its
 * program, once the channel is closed.
 */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

/* Start the thread, which needs one process of the box. */
void watchdog_open(void);

/* In a handler, after its fork: the other calls do nothing. */
void watchdog_leave(void);

/* A stage runs, which the loop ends at this time, see clock.h; and it has ended. */
void watchdog_start(int64_t due);
void watchdog_stop(void);

/* Whether it has killed the processes of the stage that was started last. */
bool watchdog_has_killed(void);

#endif

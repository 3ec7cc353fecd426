/*
 * A world for the supervisor, made of memory: an owner, a program, a clock, and the system calls
 * between them. The supervisor's own main() runs in it from its start to its exit, thousands of
 * times a second, without a process or a descriptor of this machine.
 *
 * A *case* is what happens in that world, a row of events. An event is a kind, a length (2 bytes,
 * big-endian) and that many bytes:
 *
 *   i  the owner says these bytes: frames, or what it takes for some
 *   z  the owner says so many zero bytes (3 bytes, big-endian)
 *   g  the owner takes only so many bytes of ours from now on (2 bytes); without any: all
 *   q  the owner is gone, in the middle of whatever it was
 *   o  the program writes these bytes to its stdout
 *   e  the same to its stderr
 *   r  the program reads so many bytes of its stdin (2 bytes); without any: it closes it
 *   x  the main process ends, with this wait status (2 bytes)
 *   k  an orphan of the program ends
 *   l  the program hands over its listener, see order.h
 *   h  the program waits at a call that the listener tells of
 *   n  the command can't be executed
 *   w  the writer finds no room
 *   t  so many milliseconds pass (2 bytes)
 *
 * A kind in capitals happens together with the event after it. What is no event is skipped.
 */
#ifndef WORLD_H
#define WORLD_H

#include <stddef.h>
#include <stdint.h>

/* Let the supervisor live through a case. Aborts, with a word, when it breaks a promise. */
void world_run(const uint8_t *data, size_t size);

#endif

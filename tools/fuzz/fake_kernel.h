/*
 * A fake kernel for the supervisor, made of memory: a controller, a program, a clock, and the system
 * calls between them. The supervisor's own main() runs on it from its start to its exit, thousands
 * of times a second, without a process or a descriptor of this machine.
 *
 * A *case* is the input of one such run, a sequence of events. An event is a type, a length (2 bytes,
 * big-endian) and that many bytes:
 *
 *   i  the controller sends these bytes: frames, or anything else
 *   z  the controller sends this number of zero bytes (3 bytes, big-endian)
 *   g  the controller receives at most this number of bytes from now on (2 bytes); without any: all
 *   q  the controller is gone, perhaps in the middle of a frame
 *   o  the program writes these bytes to its stdout
 *   e  the same to its stderr
 *   r  the program reads this number of bytes of its stdin (2 bytes); without any: it closes it
 *   x  the main process ends, with this wait status (2 bytes)
 *   k  an orphan of the program ends
 *   s  a signal comes without a write, for stdout; with any bytes: for stderr
 *   l  signals of writes are lost from now on; with any bytes: they come again
 *   d  first of a case: the kernel has no pipes of packets
 *   -  first of a case: the kernel lets no pipe become larger
 *   p  first of a case: the kernel has no pseudo-terminals
 *   n  exec of the command fails, without any bytes for a fault of the job
 *   w  the writer finds the disk full
 *   c  first of a case: the box has a cgroup v1
 *   m  a program makes its memory this number of 64 KB (2 bytes), and each table of sockets has the other bytes
 *   u  the program leaves what these bits say (1 byte, see kernel.h), and this number of directories
 *      (1 byte), each in the one before
 *   f  the collector sends these bytes: frames, or anything else
 *   a  the collector ends, with this wait status (2 bytes)
 *   h  the handler of this entry (1 byte) sends the other bytes
 *   b  it reads what was sent to it
 *   j  it ends; with any byte after that of the entry: a child keeps its socket
 *   y  the next fork fails
 *   v  the kernel has freed all but the directories
 *   t  this number of milliseconds passes (2 bytes)
 *
 * A type in capitals happens together with the event after it. Other bytes are skipped.
 */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* Run the supervisor through a case. Aborts, with the reason, when it breaks a promise. */
void fake_kernel_run(const uint8_t *data, size_t size);

#endif

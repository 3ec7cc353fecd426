/*
 * Frames: how the supervisor and its owner talk.
 *
 * A frame is one type byte, a length (4 bytes, big-endian) and that many bytes of payload.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum frame_type {
	/* From the owner. */
	FRAME_FILE = 'F',   /* path, relative to the work directory: creates or empties the file */
	FRAME_DATA = 'D',   /* bytes appended to that file */
	FRAME_STAGE = 'S',  /* a command and its limits, see command.h */
	FRAME_STDIN = 'I',  /* bytes for the program, within the credit window */
	FRAME_EOF = 'E',    /* no more stdin */
	FRAME_SIGNAL = 'K', /* one byte: the signal to send to the program's process group */

	/* From the supervisor. */
	FRAME_STDOUT = 'o',
	FRAME_STDERR = 'e',
	FRAME_CREDIT = 'c',     /* decimal: so many more bytes of stdin may be sent */
	FRAME_VERDICT = 'v',    /* key=value lines, see stage.c */
	FRAME_FAULT_BOX = 'x',  /* our fault, in words; the supervisor exits */
	FRAME_FAULT_FILE = 'f', /* a file could not be written, in words; the supervisor exits */
};

enum {
	FRAME_HEADER = 5,
	FRAME_MAX = 1 << 20,       /* payload bytes; only a stage comes near it */
	FRAME_CHUNK = 1 << 16,     /* payload bytes of the streaming types */
	CREDIT_WINDOW = 1 << 20,   /* bytes of stdin that may be on their way */
	CREDIT_STEP = 1 << 18,     /* bytes consumed before the owner hears of it */
};

enum fault_kind { FAULT_BOX = FRAME_FAULT_BOX, FAULT_FILE = FRAME_FAULT_FILE };

typedef void frame_handler(char type, char *payload, size_t size);

/* Make both ends non-blocking. Their open file descriptions are ours alone. */
void frames_open(void);

/* Read what has arrived and hand out the complete frames. At end of file: exit, see THEORY. */
void frames_read(frame_handler *handler);

/* Hand out every complete frame in data; return how many bytes they took. Faults on a bad one. */
size_t frames_parse(char *data, size_t size, frame_handler *handler);

/* Queue a frame. Callers ask frames_room() first, except for the rare short ones. */
void frames_put(enum frame_type type, const char *payload, size_t size);

/* Payload bytes that a streaming frame may hold now; 0 if the owner must read first. */
size_t frames_room(void);

/* Read up to `limit` bytes from fd straight into a frame of this type; as read(2). */
ssize_t frames_put_from(enum frame_type type, int fd, size_t limit, size_t keep);

/* Send what is queued. If `patient`, a little output is kept back until 10 ms after the last packet,
 * and what comes meanwhile goes with it: a packet costs the engine and the owner far more than a
 * write costs the program, and eight programs that write byte by byte would take the processors
 * from everyone else. */
void frames_flush(bool patient);

/* Somebody has typed: keep nothing back of what comes next. */
void frames_hurry(void);

/* Whether what is queued waits for the owner to read. */
bool frames_blocked(void);

/* When what was kept back is to be sent, see clock.h; INT64_MAX if there is nothing. */
int64_t frames_due(void);

/* Report what went wrong and exit with status 2. */
_Noreturn void fault(enum fault_kind kind, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif

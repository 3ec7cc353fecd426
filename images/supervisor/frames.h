/*
 * Frames of the protocol between the controller (the service) and the supervisor, and their queues.
 *
 * A frame is one type byte, a length (4 bytes, big-endian) and that many bytes of payload.
 * docs/protocol.md is the reference; bitrun/sandbox/supervisor/frames.py is the controller's side.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum frame_type {
	/* From the controller. */
	FRAME_FILE = 'F',   /* path, relative to the work directory: creates or empties the file */
	FRAME_DATA = 'D',   /* bytes appended to that file */
	FRAME_MODE = 'M',   /* permissions of that file, 2 bytes, big-endian */
	FRAME_STAGE = 'S',  /* a command and its limits, see command.h */
	FRAME_STDIN = 'I',  /* bytes for the program, within the credit window */
	FRAME_EOF = 'E',    /* no more stdin */
	FRAME_SIGNAL = 'K', /* one byte: the signal to send to the program's process group */
	FRAME_RESET = 'N',  /* make the box as new for another job, see reset.h */
	FRAME_RESIZE = 'W', /* rows and columns of the terminal, 2 bytes each, big-endian */
	FRAME_COLLECT = 'C', /* limits and patterns of the files to send, see collection.c */
	FRAME_CHANNEL = 'H', /* a channel's number (4 bytes) and its bytes; none close it, see channels.h */
	FRAME_CONSUMED = 'A', /* a channel's number, and bytes of it that were consumed (4 bytes) */

	/* From the supervisor. */
	FRAME_STDOUT = 'o',
	FRAME_STDERR = 'e',
	FRAME_CREDIT = 'c',     /* decimal: bytes of stdin that may be sent in addition */
	FRAME_VERDICT = 'v',    /* key=value lines, see verdict.h */
	FRAME_CLEAN = 'n',      /* the box is as new */
	FRAME_FOUND = 'p',      /* mode (2 bytes), size (8 bytes), path of a file: CONTENT follows */
	FRAME_CONTENT = 'd',    /* bytes of that file */
	FRAME_DROPPED = 'r',    /* a drop_reason, and the path of what is not sent */
	FRAME_COLLECTED = 'l',  /* key=value lines: the end of a collection */
	FRAME_ANSWER = 'h',     /* a channel's number and its bytes; none are its end */
	FRAME_FAULT_BOX = 'x',  /* text: a fault of the box; the supervisor exits */
	FRAME_FAULT_FILE = 'f', /* text: a file could not be written; the supervisor exits */
	FRAME_FAULT_COMMAND = 's', /* text: the command can't be executed; the supervisor exits */
	FRAME_FAULT_RESIDUE = 'u', /* text: why the box is not as new; the supervisor exits */
};

enum {
	PROTOCOL_VERSION = 7,    /* not on the wire: both sides are of one source */
	HEADER_SIZE = 5,         /* bytes */
	MAX_PAYLOAD = 1 << 20,   /* bytes; only a stage comes near it */
	MAX_CHUNK = 1 << 16,     /* payload bytes of the streaming types */
	CREDIT_WINDOW = 1 << 20, /* bytes of stdin that may be sent when a stage starts */
	CREDIT_STEP = 1 << 18,   /* bytes consumed before a CREDIT frame */
};

/* Why something that matches a pattern is not sent. */
enum drop_reason {
	DROP_NOT_REGULAR = 't', /* a link, fifo, socket or device */
	DROP_UNREADABLE = 'u',  /* its user may not read it */
	DROP_DEPTH = 'd',       /* in too many folders, or of too long a path */
	DROP_COUNT = 'n',       /* more files than asked for */
	DROP_FILE_SIZE = 's',   /* larger than asked for */
	DROP_TOTAL_SIZE = 'b',  /* larger than what is left of all bytes asked for */
	DROP_CHANGED = 'c',     /* it changed while it was read; what was sent of it is void */
};

enum fault_kind {
	FAULT_BOX = FRAME_FAULT_BOX,
	FAULT_FILE = FRAME_FAULT_FILE,
	FAULT_COMMAND = FRAME_FAULT_COMMAND,
	FAULT_RESIDUE = FRAME_FAULT_RESIDUE,
};

typedef void frame_handler(char type, char *payload, size_t size);

/* Make stdin and stdout non-blocking. Their open file descriptions are ours alone. The queues, which a
 * handler inherits full, become empty. `leave`, if not NULL, is called before the supervisor exits. */
void frames_open(void (*leave)(void));

/* Read what has arrived and call the handler for each complete frame. At end of file: exit, see
 * THEORY OF OPERATION. */
void frames_read(frame_handler *handler);

/* Call the handler for each complete frame in data; return their size. Faults on a bad one. */
size_t frames_parse(char *data, size_t size, frame_handler *handler);

/* Write the header of a frame. */
void frames_put_header(char *header, enum frame_type type, size_t size);

/* Queue a frame. Callers check frames_room() first, except for the rare short ones. */
void frames_queue(enum frame_type type, const char *payload, size_t size);

/* Whether there is room for MAX_CHUNK more bytes of output; if not, the controller must read first. */
bool frames_room(void);

/* Read up to `limit` bytes, at most MAX_CHUNK, from fd straight into the queue, and keep at most `keep`
 * of them: in a frame of this type, or in the last frame if that is of the same type and has room.
 * Returns as read(2). The other does the same with bytes that have been read. */
ssize_t frames_queue_from(enum frame_type type, int fd, size_t limit, size_t keep);
void frames_queue_output(enum frame_type type, const char *data, size_t size);

/* Send the queue. If `coalesce`, small output is delayed until 10 ms after the last packet, and sent
 * together with the output of that time: a packet costs the engine and the controller far more than
 * a write costs the program, and eight programs that write byte by byte would take the processors
 * from all others. */
void frames_flush(bool coalesce);

/* Stdin has arrived, perhaps typed: do not delay the output that follows. */
void frames_expedite(void);

/* Whether the queue waits for the controller to read. */
bool frames_blocked(void);

/* When the delayed output is to be sent, see clock.h; INT64_MAX if there is none. */
int64_t frames_due(void);

/* Send a fault frame with this text and exit with status 2. */
_Noreturn void fault(enum fault_kind kind, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif

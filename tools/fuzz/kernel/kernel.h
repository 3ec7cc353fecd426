/*
 * The state of the fake kernel, and what its parts need of each other. Each part implements the
 * system calls of one concern, as fake_NAME; `calls` lists them.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../fake_controller.h"

enum {
	HANDLERS = 16,
	DESCRIPTORS = 24 + HANDLERS, /* only what a supervisor needs: one that leaks runs out of them */
	PIPES = 6 + 2 * HANDLERS, /* the same of pipes */
	PAGE = 4096,      /* bytes */
	PIPE_PACKETS = 16,
	PIPE_SIZE = PIPE_PACKETS * PAGE,
	MAX_SIGNALS = 100, /* that are pending */
	MAX_SENT = 1 << 22, /* bytes from the controller */
	MEMORY_LIMIT = 1 << 26, /* bytes, of the cgroup */
	PROCESSORS = 2,
	COUNTERS = 5,           /* files of the cgroup */
};

enum { SUPERVISOR_PID = 1, WRITER_PID, PROGRAM_PID, ORPHAN_PID, CLEANER_PID, COLLECTOR_PID, FIRST_HANDLER_PID };

/* What a program has left, beyond what the cleaner can remove. */
enum residue { A_PROCESS = 1, A_FILE = 2, A_MODE = 4, AN_ATTRIBUTE = 8, RESIDUES = 15 };

/* One direction of anything that has two ends. */
struct pipe {
	size_t pages; /* that it may hold */
	char data[2 * PIPE_SIZE];
	size_t used;
	bool direct; /* it holds packets, and these are their sizes */
	size_t packets[2 * PIPE_PACKETS], packet_count;
	int readers, writers;
};

struct descriptor {
	enum { CLOSED, READS, WRITES, MASTER, SLAVE, CHILDREN, SIGNALS, TABLE, SOCKET, DIRECTORY, COUNTER } use;
	size_t read; /* bytes of a table */
	struct pipe *pipe;
	struct pipe *typed; /* of an end of a terminal, whose `pipe` is what is printed */
	bool nonblocking;
	bool watched; /* each write to its pipe makes a signal */
};

struct kernel {
	const uint8_t *events; /* the rest of the case */
	size_t events_left;
	unsigned long activity;      /* counts every change */
	unsigned long last_activity; /* the same at the last turn of the loop */
	unsigned idle_turns;         /* turns of the loop in a row without a change */
	int64_t clock;               /* ns */
	int64_t oversleep;           /* ns: how much longer than asked for the next sleep lasts */
	bool cgroup;
	int64_t usage;        /* bytes, of the cgroup */
	const uint8_t *table; /* the content of each table of sockets */
	size_t table_size;
	jmp_buf exit;

	struct descriptor descriptors[DESCRIPTORS];

	struct {
		size_t sent, received; /* received: by the supervisor */
		bool limited;          /* it receives only `accepts` more bytes */
		size_t accepts;
		bool gone, done; /* done: it left after the last event */
	} controller;

	/* The pipes that were opened to the program since the last fork. */
	struct pipe *program_pipes[3];
	size_t program_pipe_count;
	size_t opened_pipes; /* of any kind */

	/* The supervisor's children. A zombie is not reaped yet. */
	struct {
		bool alive, zombie;
		int status;
		int64_t started; /* ns */
		struct pipe *in, *out, *err, *error;
		bool reads; /* it has not closed its stdin */
	} program;
	struct {
		bool alive, zombie;
		int status;
		bool running; /* its code, instead of the supervisor's */
		bool disk_full;
		size_t received, read;
		struct pipe *error;
		jmp_buf exit;
	} writer;
	unsigned orphans;
	bool child_signal;

	unsigned residue;
	struct {
		bool alive, running;
		int status;
		unsigned depth; /* of its current directory */
		jmp_buf exit;
	} cleaner;
	unsigned levels; /* of directories, each in the one before */

	struct {
		bool alive, zombie;
		int status;
		struct pipe *out;
	} collector;
	struct pipe *last_pipe;

	/* The children that serve a channel each. */
	struct handler {
		bool alive, zombie;
		bool holds; /* its end of its socket is open */
		struct pipe *in, *out;
	} handlers[HANDLERS];
	struct pipe *socket_in, *socket_out; /* of the next handler */
	bool fork_fails;

	bool no_packets;   /* pipe2() knows no O_DIRECT */
	bool small_pipes;  /* no pipe may become larger */
	bool no_terminals; /* there is no /dev/ptmx */
	bool signals_lost; /* writes make none */
	bool signal_overflow;
	int signals[MAX_SIGNALS]; /* descriptors */
	size_t signal_count;
};

extern struct kernel kernel;

/* The bytes from the controller, and those to the writer: longer than any pipe. */
extern char controller_bytes[MAX_SENT];
extern char writer_bytes[2 * MAX_SENT];

/* errno, and -1 to return. */
ssize_t fail(int reason);

/* descriptors.c */
int descriptor_open(int use, struct pipe *pipe);
struct descriptor *descriptor(int fd);
struct pipe *pipe_open(void);
bool pipe_full(const struct pipe *pipe);
void pipe_signal(const struct pipe *pipe);
size_t pipe_put(struct pipe *pipe, const void *data, size_t size);
size_t pipe_take(struct pipe *pipe, void *data, size_t size);
void pipes_reset(void);

/* files.c */
int file_open(const char *path);
ssize_t table_read(struct descriptor *from, void *buffer, size_t size);

/* processes.c */
void program_close_stdin(void);
void program_end(int status);

/* terminal.c */
bool terminal_path(const char *path);
int terminal_end_open(const char *path);
int terminal_end_copy(int fd);
void terminal_offer(struct descriptor *slave);

/* collector.c */
pid_t collector_start(void);
void collector_end(int status);

/* handlers.c */
pid_t handler_start(void);
struct handler *handler_of(pid_t pid);
void handler_end(struct handler *handler, bool is_held);
bool handlers_end_one(void);

/* writer.c */
void writer_run(void);
bool writer_failed(void);

/* cleaner.c */
void cleaner_run(void);

/* events.c: let the next events happen. False once there are no more. */
bool next_events(void);

/* stage.c */
void stage_payload_free(void);

/* memory.c: set the supervisor's static memory to its state before main(). */
void memory_reset(void);

#endif

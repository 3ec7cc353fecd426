/*
 * brainfuck FILE: 65536 wrapping cells of 8 bits, in a ring. At the end of input a cell keeps its
 * value.
 *
 * Runs of the same command become one instruction with a count, "[-]" becomes an assignment, and
 * brackets know each other's place.
 */

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS = 65536 };

struct instruction {
    char command; /* a command of the language, or '0' for "[-]" */
    uint32_t value; /* how often, or where the other bracket is */
};

static char *read_source(const char *name, size_t *length) {
    FILE *file = fopen(name, "rb");
    char *source = NULL;

    if (file == NULL)
        err(1, "%s", name);
    *length = 0;
    for (size_t room = 1 << 16, got = 1; got > 0; *length += got) {
        if (source == NULL || *length == room) {
            room = source == NULL ? room : room * 2;
            source = realloc(source, room);
            if (source == NULL)
                err(1, "%s", name);
        }
        got = fread(source + *length, 1, room - *length, file);
    }
    fclose(file);
    return source;
}

/* Keeps the commands only, in place. */
static size_t strip(char *source, size_t length) {
    size_t kept = 0;

    for (size_t i = 0; i < length; i++)
        if (source[i] != '\0' && strchr("+-<>.,[]", source[i]) != NULL)
            source[kept++] = source[i];
    return kept;
}

static struct instruction *translate(const char *source, size_t length) {
    struct instruction *program = calloc(length + 1, sizeof *program);
    uint32_t *open = calloc(length + 1, sizeof *open);
    uint32_t count = 0, depth = 0;

    if (program == NULL || open == NULL)
        err(1, NULL);
    for (size_t i = 0; i < length; i++) {
        struct instruction *next = &program[count];

        next->command = source[i];
        if (source[i] == '[' && i + 2 < length && source[i + 2] == ']' &&
            (source[i + 1] == '-' || source[i + 1] == '+')) {
            next->command = '0';
            i += 2;
        } else if (source[i] == '[') {
            open[depth++] = count;
        } else if (source[i] == ']') {
            if (depth == 0)
                errx(1, "a ] without its [");
            next->value = open[--depth];
            program[next->value].value = count;
        } else {
            next->value = 1;
            while (i + 1 < length && source[i + 1] == source[i] && strchr("+-<>", source[i])) {
                next->value++;
                i++;
            }
        }
        count++;
    }
    if (depth > 0)
        errx(1, "a [ without its ]");
    free(open);
    return program;
}

static void run(const struct instruction *program) {
    static uint8_t cells[CELLS];
    uint16_t at = 0;

    for (const struct instruction *next = program; next->command != '\0'; next++) {
        switch (next->command) {
        case '+':
            cells[at] = (uint8_t)(cells[at] + next->value);
            break;
        case '-':
            cells[at] = (uint8_t)(cells[at] - next->value);
            break;
        case '>':
            at = (uint16_t)(at + next->value);
            break;
        case '<':
            at = (uint16_t)(at - next->value);
            break;
        case '0':
            cells[at] = 0;
            break;
        case '.':
            putchar(cells[at]);
            break;
        case ',': {
            /* Whoever waits for an answer should have seen the question. */
            fflush(stdout);
            int got = getchar();
            if (got != EOF)
                cells[at] = (uint8_t)got;
            break;
        }
        case '[':
            if (cells[at] == 0)
                next = program + next->value;
            break;
        case ']':
            if (cells[at] != 0)
                next = program + next->value;
            break;
        }
    }
}

int main(int argc, char **argv) {
    size_t length;
    char *source;

    if (argc < 2)
        errx(2, "usage: brainfuck FILE");
    source = read_source(argv[1], &length);
    run(translate(source, strip(source, length)));
    return fflush(stdout) == EOF;
}

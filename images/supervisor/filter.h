/*
 * Seccomp filters of the program: their instructions, and their installation.
 */
#ifndef FILTER_H
#define FILTER_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#endif

/* Of an argument it loads the low half, which is what the kernel takes as an int. */
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* Go on with the next instruction if equal, else skip `otherwise` of them. */
#define EQUAL(value, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (otherwise))
/* Skip `then` instructions if equal. */
#define JUMP_IF(value, then) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (then), 0)
#define JUMP(distance) BPF_JUMP(BPF_JMP | BPF_JA, (distance), 0, 0)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))

/* Confine this process. Kernels and engines without filters leave it as it is. */
void filter_install(const struct sock_fprog *program);

#endif
